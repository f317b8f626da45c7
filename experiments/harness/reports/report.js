const slider = document.getElementById('slider');
function show() {
  const step = JSON.parse(slider.dataset.steps)[slider.value];
  document.getElementById('step').textContent = step;
  for (const run of document.querySelectorAll('[data-run]')) {
    const shots = [...run.querySelectorAll('[data-step]')];
    const upTo = shots.filter(shot => Number(shot.dataset.step) <= step);
    const chosen = upTo.length ? upTo[upTo.length - 1] : shots[0];
    for (const shot of shots) shot.hidden = shot !== chosen;
  }
}
if (slider) { slider.addEventListener('input', show); show(); }
