"""Other people's implementations in the benchmark, played by tiny scripts of the same structure."""

import importlib.util
import json
import textwrap

import pytest

from experiments.benchmark import command as benchmark
from experiments.benchmark import peers
from experiments.harness.cli import command, flags
from experiments.harness.errors import UsageError

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")

# Whatever the benchmark has to leave out ends a test here.
BGAN_PYTORCH = {
    "bgan/dcgan.py": """
        import torch.nn as nn

        class DCGANGenerator(nn.Module):
            def __init__(self, latent_dim, channels, widths, activation):
                super().__init__()
                self.latent_dim, self.channels = latent_dim, channels
                self.layers = nn.Sequential(nn.Linear(latent_dim, widths[0]), activation())
                self.last = nn.Linear(widths[0], channels)

            def forward(self, latents):
                return self.last(self.layers(latents[:, :, 0, 0]))[:, :, None, None].expand(-1, -1, 32, 32)

        class DCGANDiscriminator(nn.Module):
            def __init__(self, channels, widths, activation):
                super().__init__()
                self.layers = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32 * channels, 1))

            def forward(self, points):
                return self.layers(points)[:, 0]
        """,
    "bgan/utils.py": """
        import torch.nn as nn

        def activation_of(name):
            return {"elu": nn.ELU, "leaky_relu": nn.LeakyReLU}[name]

        def create_result_dir(name):
            raise AssertionError("a folder was made")
        """,
    "bgan/losses.py": """
        import torch.nn.functional as F

        def binary_loss(D, logits, reals, n_samples):
            assert reals.shape[1:] == (1, 32, 32) and reals.shape[0] == len(logits)
            fakes = logits.sigmoid().bernoulli().detach()
            return F.softplus(-D(reals)).mean() + F.softplus(D(fakes)).mean(), n_samples * logits.mean()

        def multinomial_loss(D, logits, reals, n_samples):
            assert reals.shape[1:] == (16, 32, 32) and (reals.sum(1) == 1).all()
            return F.softplus(-D(reals)).mean() + F.softplus(D(logits.detach())).mean(), n_samples * logits.mean()
        """,
    "bgan/model.py": """
        import torch
        import torch.nn.functional as F
        import torchvision_of_the_peer
        from torch.utils.data import DataLoader

        class Model:
            def __init__(self, G, D, G_opt, D_opt, loss_f, dataset, batch_size, n_mc_samples, folder):
                self.G, self.D, self.G_opt, self.D_opt = G, D, G_opt, D_opt
                self.loss_f, self.dataset, self.n_mc_samples, self.steps = loss_f, dataset, n_mc_samples, 0
                self.dataloader = DataLoader(dataset, batch_size)

            def train(self, epochs):
                for epoch in range(epochs):
                    total = 0
                    for step, reals in enumerate(self.dataloader):
                        place = epoch * len(self.dataloader) + step
                        if self.dataset.num_colors > 2:
                            reals = F.one_hot(reals, self.dataset.num_colors).permute(0, 3, 1, 2).float()
                        logits = self.G(torch.randn(len(reals), self.G.latent_dim, 1, 1))
                        losses = self.loss_f(self.D, logits, reals, n_samples=self.n_mc_samples)
                        self.D_opt.zero_grad()
                        self.G_opt.zero_grad()
                        torch.autograd.backward(losses)
                        self.D_opt.step()
                        self.G_opt.step()
                        total += float(losses[0])
                        self.steps += 1
                        if step % 10 == 0:
                            print("a step")
                        raise AssertionError("pictures were drawn")
                    raise AssertionError("a checkpoint was written")
        """,
    "config.py": """
        from easydict_of_the_peer import EasyDict as edict
        from bgan.datasets import QuantizedImageDataset, BinaryMNIST

        configs = {
            "disc_mnist": edict(factory=lambda path: BinaryMNIST(path), widths=[3], activation="leaky_relu"),
            "disc_celeba": edict(factory=lambda path: QuantizedImageDataset(path), widths=[3], activation="elu"),
        }
        """,
    "train.py": """
        import argparse
        import torch
        from bgan.model import Model
        from config import configs

        def train(dataset_name, batch_size, n_mc_samples, epochs):
            config = configs[dataset_name]
            dataset = config.factory("nowhere")
            folder, _, _ = create_result_dir(dataset_name)
            channels = 1 if dataset.num_colors <= 2 else dataset.num_colors
            G = DCGANGenerator(4, channels, config.widths, activation=activation_of(config.activation))
            D = DCGANDiscriminator(channels, config.widths, activation=activation_of(config.activation))
            loss_f = binary_loss if channels == 1 else multinomial_loss
            optimizers = [torch.optim.SGD(module.parameters(), lr=0.1) for module in (G, D)]
            Model(G, D, *optimizers, loss_f, dataset, batch_size, n_mc_samples, folder).train(epochs)

        def main():
            parser = argparse.ArgumentParser()
            parser.add_argument("dataset_name")
            parser.add_argument("--batch-size", type=int, default=64)
            parser.add_argument("--n-mc-samples", type=int, default=20)
            parser.add_argument("--epochs", type=int, default=100)
            args = parser.parse_args()
            train(**vars(args))

        if __name__ == "__main__":
            main()
        """,
}
PYTORCH_GAN = {
    "implementations/bgan/bgan.py": """
        import argparse
        import os
        from torchvision_of_the_peer import datasets
        from torch.utils.data import DataLoader
        import torch

        os.makedirs("images", exist_ok=False)
        parser = argparse.ArgumentParser()
        parser.add_argument("--n_epochs", type=int, default=200)
        parser.add_argument("--latent_dim", type=int, default=5)
        opt = parser.parse_args()
        print(opt)

        class Generator(torch.nn.Linear):
            def forward(self, latents):
                return super().forward(latents).tanh().view(-1, 1, 28, 28)

        generator = Generator(opt.latent_dim, 28 * 28)
        discriminator = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(28 * 28, 1))
        dataloader = DataLoader(datasets.MNIST("nowhere", download=True))
        optimizer = torch.optim.SGD([*generator.parameters(), *discriminator.parameters()], lr=0.01)
        steps = 0

        for epoch in range(opt.n_epochs):
            for i, (imgs, _) in enumerate(mnist_loader):
                assert imgs.shape[1:] == (1, 28, 28) and imgs.abs().max() <= 1
                fakes = generator(torch.randn(len(imgs), opt.latent_dim))
                loss = (discriminator(fakes) - discriminator(imgs)).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                steps += 1
                print("a step")
                raise AssertionError("pictures were drawn")
        """,
}


def checkout(folder, files):
    """Writes the files of a peer."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    return folder


@pytest.fixture
def small_rows(monkeypatch):
    """One row of each peer, that takes no time."""
    for name, peer in peers.PEERS.items():
        small = peer.rows[0]._replace(
            network="mlp", width=2, batch_size=8, num_samples=min(peer.rows[0].num_samples, 2)
        )
        monkeypatch.setitem(peers.PEERS, name, peer._replace(rows=(small,)))


@needs_torch
def test_rows_beside_both_peers(tmp_path, capsys, small_rows):
    first, second = checkout(tmp_path / "a", BGAN_PYTORCH), checkout(tmp_path / "b", PYTORCH_GAN)
    path = tmp_path / "benchmark.json"
    arguments = ["--rows=none", "--rounds=1", "--seconds=0", f"--peer_path={first}, {second}", f"--json={path}"]
    benchmark.main(flags.parse(benchmark.Config, arguments))
    saved = json.loads(path.read_text())
    named = {row.name: name for name, peer in peers.PEERS.items() for row in peer.rows}
    assert list(saved["rows"]) == list(named) and list(saved["unequal"]) == list(peers.PEERS)
    table = capsys.readouterr().out
    for row, programs in saved["rows"].items():
        theirs = programs[named[row]]
        assert list(programs)[-1] == named[row] and all(entry["flops"] > 0 for entry in programs.values())
        ratio = theirs["median"] / programs["default"]["median"]
        (line,) = (line for line in table.splitlines() if line.startswith(f"| {row} | default |"))
        assert line.endswith(f"| {ratio:.2f} |")
        assert f"\n{named[row]} and ours: both " in table


@needs_torch
@pytest.mark.parametrize("row", peers.BGAN_PYTORCH.rows, ids=lambda row: row.kind)
def test_the_loop_of_bgan_pytorch_takes_the_steps_that_are_asked_for(row, tmp_path, capsys):
    from experiments.benchmark import pytorch_peers

    loop = pytorch_peers.bgan_pytorch(checkout(tmp_path, BGAN_PYTORCH), row)
    (model,) = (cell.cell_contents for cell in loop.__closure__)
    loop(pytorch_peers.synthetic_batches(row)[:3])
    assert model.steps == 3 and model.n_mc_samples == row.num_samples and capsys.readouterr().out == ""


@needs_torch
def test_the_loop_of_pytorch_gan_takes_the_steps_that_are_asked_for(tmp_path, capsys):
    from experiments.benchmark import pytorch_peers

    (row,) = peers.PYTORCH_GAN.rows
    loop = pytorch_peers.pytorch_gan(checkout(tmp_path, PYTORCH_GAN), row)
    (namespace,) = (cell.cell_contents for cell in loop.__closure__ if isinstance(cell.cell_contents, dict))
    loop(pytorch_peers.synthetic_batches(row)[:3])
    assert namespace["steps"] == 3 and capsys.readouterr().out == ""


def test_nothing_is_looked_for_unless_it_was_given():
    assert peers.find_peers(benchmark.Config().peer_path) == {}


def test_a_folder_that_is_no_peers_is_refused(tmp_path):
    legal = r"legal: bgan-pytorch \(https://\S+\) or PyTorch-GAN \(https://\S+\); git clone one and give its folder"
    with pytest.raises(UsageError, match=rf"--peer_path=\S+: not a checkout of a peer; {legal}"):
        peers.find_peers(str(tmp_path))
    with pytest.raises(UsageError, match=rf"--peer_path=\S+: no such folder; {legal}"):
        peers.find_peers(str(tmp_path / "nowhere"))
    checkout(tmp_path, PYTORCH_GAN)
    with pytest.raises(UsageError, match="two checkouts of PyTorch-GAN; give one"):
        peers.find_peers(f"{tmp_path},{tmp_path}")


def test_a_refused_folder_is_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as leaving:
        command.run(benchmark.COMMAND, arguments=[f"--peer_path={tmp_path}"])
    message = capsys.readouterr().err
    assert leaving.value.code == 2 and message.startswith("error: --peer_path=") and message.count("\n") == 1


def test_without_torch_the_extra_is_named(tmp_path, monkeypatch):
    checkout(tmp_path, PYTORCH_GAN)
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"--peer_path=.*: PyTorch is not installed, .*; pip install torch"):
        peers.find_peers(str(tmp_path))
    assert peers.find_peers("") == {}


@needs_torch
def test_a_checkout_of_another_time_is_refused_in_words(tmp_path):
    from experiments.benchmark import pytorch_peers

    (row,) = peers.PYTORCH_GAN.rows
    changed = {name: text.replace("print(", "log(") for name, text in PYTORCH_GAN.items()}
    with pytest.raises(
        UsageError, match=r"is not the PyTorch-GAN that this benchmark knows: .*line 26 never prints.* unchanged"
    ):
        pytorch_peers.peer_program("PyTorch-GAN", checkout(tmp_path, changed), row)
