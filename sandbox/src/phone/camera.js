// Reading codes with the camera or from a picture, in browsers that can (`BarcodeDetector`). In
// others nothing of it is offered.

const LOOK_EVERY_MS = 200;

let detector;
let stream;
let timer;

/** What this browser can do: nothing, read pictures, or look through the camera as well. */
export async function abilities() {
  try {
    const formats = await window.BarcodeDetector.getSupportedFormats();
    if (!formats.includes("qr_code")) {
      return { pictures: false, camera: false };
    }
    detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    return { pictures: true, camera: Boolean(navigator.mediaDevices?.getUserMedia) };
  } catch {
    return { pictures: false, camera: false };
  }
}

/** The text of the first code in a picture file, or nothing. */
export async function readPicture(file) {
  if (!detector) {
    return null;
  }
  try {
    const picture = await createImageBitmap(file);
    const codes = await detector.detect(picture);
    picture.close();
    return codes[0]?.rawValue ?? null;
  } catch {
    return null;
  }
}

/** Looks through the camera until it sees a code. Throws when there is none to look through. */
export async function look(video, seen) {
  stop();
  stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.srcObject = stream;
  await video.play();
  timer = window.setInterval(async () => {
    const codes = await detector.detect(video).catch(() => []);
    if (codes.length > 0 && stream) {
      stop();
      seen(codes[0].rawValue);
    }
  }, LOOK_EVERY_MS);
}

/** Closes the camera. */
export function stop() {
  window.clearInterval(timer);
  for (const track of stream?.getTracks() ?? []) {
    track.stop();
  }
  stream = undefined;
}
