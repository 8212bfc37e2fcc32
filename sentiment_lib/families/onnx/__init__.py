"""ONNX export, int8 quantisation and the ONNX Runtime model that serves."""
