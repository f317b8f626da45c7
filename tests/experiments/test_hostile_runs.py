"""The folder of a run from elsewhere: whatever its files hold, sampling from it is refused with a message."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bgan_jax.data import DatasetSpec
from bgan_jax.runtime import workdir
from experiments import discrete_mnist, load_sampler
from experiments.harness.errors import UsageError

CONFIG = vars(discrete_mnist.Config(network="mlp", workdir="run"))
DATASET = json.loads(DatasetSpec(name="digits", kind="binary", shape=(28, 28, 1), num_values=2).to_json())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    config=st.dictionaries(st.sampled_from(["network", "width", "latent_dim"]), VALUES, max_size=2),
    dataset=st.dictionaries(st.sampled_from(sorted(DATASET)), VALUES, max_size=2),
)
@example(config={"network": ["mlp"]}, dataset={})
@example(config={"width": "64"}, dataset={})
@example(config={}, dataset={"shape": [-1, 28, 1]})
@example(config={}, dataset={"num_values": None})
@example(config={}, dataset={"kind": {}})
def test_any_records(tmp_path, config, dataset):
    (tmp_path / workdir.CONFIG).write_text(json.dumps({**CONFIG, **config}))
    (tmp_path / workdir.DATASET).write_text(json.dumps({**DATASET, **dataset}))
    with pytest.raises(UsageError) as refused:
        load_sampler(str(tmp_path))
    assert str(tmp_path) in str(refused.value)


def test_a_folder_without_a_whole_checkpoint(tmp_path: Path):
    (tmp_path / workdir.CONFIG).write_text(json.dumps(CONFIG))
    (tmp_path / workdir.DATASET).write_text(json.dumps(DATASET))
    (tmp_path / workdir.CHECKPOINTS / "7").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"none of the 1 checkpoints in .* can be restored"):
        load_sampler(str(tmp_path))
