"""The pareto fold: which number of a shared array each virtual weight reads, and with which sign.

The layers that share an array of m numbers are laid one after the other; virtual weight x lies in chunk x
div m at position x mod m. A whole chunk is rotated by one hash of its number, so that a run of weights is
a run of the array and every slot serves floor(n / m) or ceil(n / m) weights. Signs are the bits of one
XXH3 hash per 64 weights. Both equal what the format `hashed` computes (formats/hashed/README.md).
"""

import numpy as np

PRIME = 2038074743
_MULTIPLIER = np.uint64(0x9FB21C651E98DF25)
_SECRET = 0x1CAD21F72C81017C ^ 0xDB979083E96DD4DE  # bytes 8 to 23 of XXH3's default secret


def constants(seed):
    """r0 .. r3 as PyTorch's generator gives them for a module's seed (versions with 64-bit draws)."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    draws = torch.randint(1, PRIME // 2 - 1, (4,), generator=generator)
    return [2 * int(draw) + 1 for draw in draws]


def pareto_slots(offset, count, slots, r):
    """Slot of each virtual weight offset .. offset + count - 1; wrapping 64-bit arithmetic."""
    x = np.arange(offset, offset + count, dtype=np.int64)
    chunk, position = x // slots, x % slots
    with np.errstate(over="ignore"):
        hashed = chunk * np.int64(r[0]) + chunk * chunk * np.int64(r[1]) + np.int64(r[2])
    return (hashed % PRIME % slots + position) % slots


def xxh3_of_u64(values, seed):
    """XXH3_64bits_withSeed of each value's 8 little-endian bytes."""
    swapped = int.from_bytes((seed & 0xFFFFFFFF).to_bytes(4, "little"), "big") << 32
    flip = np.uint64((_SECRET - (seed ^ swapped)) & (2**64 - 1))
    v = np.asarray(values, dtype=np.uint64)
    h = (v >> np.uint64(32) | v << np.uint64(32)) ^ flip
    rotated = lambda n: h << np.uint64(n) | h >> np.uint64(64 - n)
    h = h ^ rotated(49) ^ rotated(24)
    h = h * _MULTIPLIER
    h = h ^ (h >> np.uint64(35)) + np.uint64(8)
    h = h * _MULTIPLIER
    return h ^ h >> np.uint64(28)


def signs(offset, count, seed):
    """+1 or -1 of each virtual weight: bit x mod 64 of the hash of x div 64, 1 for minus."""
    x = np.arange(offset, offset + count, dtype=np.uint64)
    first = offset // 64
    words = xxh3_of_u64(np.arange(first, (offset + count - 1) // 64 + 1, dtype=np.uint64), seed)
    word = words[(x // np.uint64(64) - np.uint64(first)).astype(np.int64)]
    return np.where(word >> x % np.uint64(64) & np.uint64(1), np.float32(-1), np.float32(1))
