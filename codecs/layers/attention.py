"""Self-attention between the positions of a feature map (E-NeRV, Li et al., ECCV 2022, section 3)."""

from __future__ import annotations

from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head self-attention over tokens, of shape (B, tokens, channels). It is written as matrix products, since
    fvcore counts these and not PyTorch's fused attention."""

    def __init__(self, channels: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = head_dim**-0.5
        self.qkv = nn.Linear(channels, 3 * heads * head_dim, bias=False)
        self.out = nn.Linear(heads * head_dim, channels)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attention = (query @ key.transpose(-2, -1) * self.scale).softmax(-1)
        out: Tensor = self.out((attention @ value).transpose(1, 2).flatten(2))
        return out


class Transformer(nn.Module):
    """One attention layer and one feed-forward layer of ``hidden`` units. The input of each is added to its output;
    there is no normalisation. The shape (B, tokens, channels) stays the same."""

    def __init__(self, channels: int, heads: int, head_dim: int, hidden: int) -> None:
        super().__init__()
        self.attention = Attention(channels, heads, head_dim)
        self.feed_forward = nn.Sequential(nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        out: Tensor = x + self.feed_forward(x)
        return out
