"""The networks of networks.py in PyTorch, of as many weights as in Keras. `torch` is the module, without types."""

from typing import Any

from benchmarks.images import CLASSES

MOBILE = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def network_of(name: str, torch: Any) -> tuple[Any, Any | None]:
    """(the network, its frozen part or None): logits of images float32 (n, channels, height, width) in [0, 1]."""
    nn = torch.nn
    if name == "small":
        return nn.Sequential(*_convolutions(nn, 1, (32, 64)), *_head(nn, 64 * 7 * 7)), None
    if name == "colour":
        return nn.Sequential(*_convolutions(nn, 3, (32, 64)), *_head(nn, 64 * 8 * 8)), None
    if name == "photos":
        return nn.Sequential(*_convolutions(nn, 3, (16, 32, 64)), *_head(nn, 64 * 18 * 18)), None
    if name == "resnet":
        return nn.Sequential(*_resnet(torch), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES)), None
    base = nn.Sequential(_pixels(nn), *_mobilenet(torch), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    head = nn.Linear(1280, CLASSES)
    if name == "mobilenet":
        return nn.Sequential(base, head), None
    for weight in base.parameters():
        weight.requires_grad_(False)
    return head, base.eval()


def _convolutions(nn: Any, channels: int, filters: tuple[int, ...]) -> list[Any]:
    layers = []
    for count in filters:
        layers += [nn.Conv2d(channels, count, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        channels = count
    return layers


def _head(nn: Any, values: int) -> list[Any]:
    return [nn.Flatten(), nn.Linear(values, 128), nn.ReLU(), nn.Linear(128, CLASSES)]


def _normed(nn: Any, channels: int, filters: int, size: int, stride: int, groups: int = 1) -> list[Any]:
    linear = nn.Conv2d(channels, filters, size, stride, size // 2, groups=groups, bias=False)
    return [linear, nn.BatchNorm2d(filters)]


def _resnet(torch: Any) -> list[Any]:
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, channels: int, filters: int, stride: int) -> None:
            super().__init__()
            first, second = _normed(nn, channels, filters, 3, stride), _normed(nn, filters, filters, 3, 1)
            self.inner = nn.Sequential(*first, nn.ReLU(), *second)
            self.stride, self.added = stride, filters - channels

        def forward(self, values: Any) -> Any:
            short = values[:, :, :: self.stride, :: self.stride]
            short = nn.functional.pad(short, (0, 0, 0, 0, 0, self.added))
            return torch.relu(short + self.inner(values))

    layers, channels = [*_normed(nn, 3, 16, 3, 1), nn.ReLU()], 16
    for stage, filters in enumerate((16, 32, 64)):
        for number in range(3):
            layers.append(Block(channels, filters, 2 if stage and not number else 1))
            channels = filters
    return layers


def _mobilenet(torch: Any) -> list[Any]:
    """MobileNetV2 of Sandler et al. 2018, table 2, without its classifier."""
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, channels: int, filters: int, stride: int, times: int) -> None:
            super().__init__()
            wide = channels * times
            widened = [*_normed(nn, channels, wide, 1, 1), nn.ReLU6()] if times > 1 else []
            deep = [*_normed(nn, wide, wide, 3, stride, wide), nn.ReLU6()]
            self.inner = nn.Sequential(*widened, *deep, *_normed(nn, wide, filters, 1, 1))
            self.adds = stride == 1 and channels == filters

        def forward(self, values: Any) -> Any:
            return values + self.inner(values) if self.adds else self.inner(values)

    layers, channels = [*_normed(nn, 3, 32, 3, 2), nn.ReLU6()], 32
    for times, filters, count, stride in MOBILE:
        for number in range(count):
            layers.append(Block(channels, filters, 1 if number else stride, times))
            channels = filters
    return [*layers, *_normed(nn, channels, 1280, 1, 1), nn.ReLU6()]


def _pixels(nn: Any) -> Any:
    """A layer from [0, 1] to [-1, 1], as keras.applications takes images."""

    class Pixels(nn.Module):  # type: ignore[misc]
        def forward(self, images: Any) -> Any:
            return 2 * images - 1

    return Pixels()
