"""One contestant of bench/train.ts and bench/gpu.mjs: PyTorch. Arguments: model, width, batch, threads [device [tf32]].

The architecture is that of src/models/course.ts; the front end is PyTorch's own STFT.
"""
import json
import math
import sys
import time

import torch
from torch import nn

name, width, batch, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
device = sys.argv[5] if len(sys.argv) > 5 else "cpu"
tf32 = len(sys.argv) > 6 and sys.argv[6] == "tf32"
torch.set_num_threads(threads)
torch.backends.cuda.matmul.allow_tf32 = tf32
torch.backends.cudnn.allow_tf32 = tf32
torch.backends.cudnn.benchmark = True
flat = name in ("conv1d", "skip")
skip = name in ("skip", "spectrogram-skip")


def channels(count):
    return max(4, math.floor(count * width + 0.5))


class Course(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList()
        conv = (lambda i, o: nn.Conv1d(i, o, 9, padding=4)) if flat else (lambda i, o: nn.Conv2d(i, o, 3, padding=1))
        inputs, places = 1, [8000] if flat else [130, 126]
        for index, (filters, count) in enumerate([(32, 2), (64, 2), (128, 3), (256, 3)]):
            before, stack = inputs, []
            for _ in range(count):
                stack += [conv(inputs, channels(filters)), nn.ReLU()]
                inputs = channels(filters)
            if skip and index > 0:
                inputs += before
            places = [place // 2 for place in places]
            self.blocks.append(nn.Sequential(*stack))
        self.pool = nn.MaxPool1d(2) if flat else nn.MaxPool2d(2)
        units = channels(256)
        self.head = nn.Sequential(
            nn.Dropout(0.3), nn.Flatten(), nn.Linear(inputs * math.prod(places), units),
            nn.BatchNorm1d(units), nn.ReLU(), nn.Linear(units, 12))
        self.register_buffer("window", torch.hann_window(258), persistent=False)

    def forward(self, waves):
        if flat:
            x = waves[:, None]
        else:
            x = torch.stft(waves, 258, 64, window=self.window, pad_mode="reflect", return_complex=True).abs()[:, None]
        for index, block in enumerate(self.blocks):
            y = block(x)
            x = self.pool(torch.cat([y, x], 1) if skip and index > 0 else y)
        return self.head(x)


torch.manual_seed(1)
model = Course().to(device)
optimizer = torch.optim.Adam(model.parameters(), 1e-4)
waves = torch.randn(batch, 8000)
labels = torch.arange(batch) % 12
if device != "cpu":
    waves, labels = waves.pin_memory(), labels.pin_memory()


def step():
    optimizer.zero_grad()
    x, y = waves.to(device, non_blocking=True), labels.to(device, non_blocking=True)
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


weights = sum(weight.numel() for weight in model.parameters())
statistics = sum(b.numel() for key, b in model.named_buffers() if key.endswith(("running_mean", "running_var")))
hardware = torch.cuda.get_device_name() if device.startswith("cuda") else f"{threads} threads"
print(json.dumps({
    "about": f"PyTorch {torch.__version__}, {hardware}" + (", TF32" if tf32 else ""),
    "params": weights + statistics,
}), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(int(line)):
        loss = step()
    loss = loss.item()  # waits for the device
    print(json.dumps({"seconds": time.perf_counter() - start, "loss": loss}), flush=True)
