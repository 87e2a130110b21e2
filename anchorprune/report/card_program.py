"""A model card's program that runs `model.onnx` with ONNX Runtime and OpenCV alone, and what it takes for granted."""

ONNX_USE = """\


With ONNX Runtime and OpenCV alone, `model.onnx`:

```python
import json, cv2, numpy as np, onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
said = {key: json.loads(text) for key, text in session.get_modelmeta().custom_metadata_map.items()}
form, photo = said["input"], cv2.imread("photo.jpg")[:, :, ::-1]
size, step = np.array(photo.shape[1::-1]), form.get("divisor")
limit = np.array(form["scale"] or [form["width"], form["height"]])
if step and (size[0] > size[1]) != (limit[0] > limit[1]):
    limit = limit[::-1]
scaled = (size * min(limit / size) + 0.5).astype(int) if form["keep_ratio"] else limit
width, height = -(-scaled // step) * step if step else (form["width"], form["height"])
images = np.full((1, height, width, 3), form["padding"], np.float32)
photo = photo if form.get("rounded", True) else photo.astype(np.float32)
images[0, : scaled[1], : scaled[0]] = cv2.resize(photo, scaled.tolist())
inputs = {"images": images.transpose(0, 3, 1, 2), "sizes": scaled[None].astype(np.float32)}
dets, labels = session.run(["dets", "labels"], {each.name: inputs[each.name] for each in session.get_inputs()})
for (*box, score), label in zip(dets[0].tolist(), labels[0].tolist()):
    if label >= 0 and score >= 0.3:
        corners = np.minimum(box, np.tile(scaled, 2)) / np.tile(scaled / size, 2)
        print(said["classes"][label], round(score, 3), *corners.round(1))
```

The input is RGB as floats from 0 to 255, not divided by anything: the model subtracts the mean and divides by the
deviation itself. Photos are scaled to the input's size, or with `keep_ratio` by one factor until they fit, then padded
on the right and below. Boxes are x1 y1 x2 y2 in pixels of the input; the example cuts them at the photo's edge and
divides them by the scale."""
