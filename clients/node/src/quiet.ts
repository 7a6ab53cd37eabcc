/** ONNX Runtime keeps no telemetry: it must be told before its import (docs/adr/0013). */

process.env["ORT_DISABLE_TELEMETRY"] = "1";
