// Puts into words how far a decoded image can be believed: the header X-Trust of a decoded place.

const short = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2));

function neighbourLine({ n_near: near, radius, nearest }, isShort) {
  if (nearest === null) return "none of this class is encoded";
  return `${near.toLocaleString("en")}${isShort ? "" : " encoded"} within ${short(radius)} · nearest ${short(nearest)}`;
}

function priorLine({ log_prior: value, no_log_prior: reason, typical_log_prior: typical }, usual) {
  if (value === null) return `no log p(z): ${reason}`;
  return `log p(z) ${short(value)}${typical === null ? "" : ` (${usual} ${short(typical)})`}`;
}

function returnLine({ re_encoding: error, typical_re_encoding: typical }, usual, isShort) {
  return `${isShort ? "back" : "comes back"} ${short(error)} away (${usual} ${short(typical)})`;
}

// Returns lines: the verdict with its mark and in words, and the numbers. Short lines fit a lens of 28 letters.
export function reliabilityWords(reliability, isShort = false) {
  const usual = isShort ? "typ." : "typical";
  return [
    reliability.says,
    neighbourLine(reliability, isShort),
    priorLine(reliability, usual),
    returnLine(reliability, usual, isShort),
  ];
}

// Shows how far a place can be believed in an element of its own behind `caption`, made when first needed; null takes it away.
export function showReliability(caption, reliability, isShort = false) {
  let box = caption.parentElement.querySelector(".trust");
  if (!box) {
    box = document.createElement("div");
    box.className = "trust";
    caption.after(box);
  }
  box.hidden = !reliability;
  if (!reliability) return;
  const lines = reliabilityWords(reliability, isShort);
  // Filled in place: pointing asks for this at every frame.
  while (box.childElementCount < lines.length) box.append(document.createElement("p"));
  lines.forEach((line, index) => (box.children[index].textContent = line));
}
