"""Run in a process of its own: python in_runtime.py RUNTIME MODEL INPUTS.npz OUTPUTS.npz, image by image."""

import sys

import numpy as np


def reference(model):
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(model)
    return lambda image, names: evaluator.run(names, {"images": image})


def openvino(model):
    import openvino

    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(image, names):
        outputs = compiled([image])
        return [outputs[name] for name in names]

    return run


def opencv(model):
    import cv2

    net = cv2.dnn.readNetFromONNX(model)

    def run(image, names):
        net.setInput(image, "images")
        return net.forward(names)

    return run


def onnxsim(model):
    import onnx
    from onnxsim import simplify

    simplified, same = simplify(onnx.load(model))
    assert same
    return onnx_runtime(simplified)


def onnxslim(model):
    import onnx
    from onnxslim import slim

    return onnx_runtime(slim(onnx.load(model)))


def onnx_runtime(model):
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString())
    return lambda image, names: session.run(names, {"images": image})


def main(runtime, model, inputs, outputs):
    makers = {"reference": reference, "openvino": openvino, "onnxsim": onnxsim, "onnxslim": onnxslim}
    run = {**makers, "opencv4": opencv, "opencv5": opencv}[runtime](model)
    given = np.load(inputs)
    names = given["names"].tolist()
    found = [run(image, names) for image in given["images"]]
    np.savez(outputs, **{name: np.stack([np.asarray(one[i]) for one in found]) for i, name in enumerate(names)})


if __name__ == "__main__":
    main(*sys.argv[1:])
