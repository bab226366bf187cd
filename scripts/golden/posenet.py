"""An independent reference of Coral's PosenetDecoderOp in numpy, for goldens.

Written from the definition of PersonLab's decoder (Papandreou et al. 2018) with
the parameters, edges and channel order of google-coral/libcoral. Numbers are
float32; of equal scores the first counts.
"""
import numpy as np

F = np.float32
PARTS, EDGES = 17, 16
TREE = [(0, 1), (1, 3), (0, 2), (2, 4), (0, 5), (5, 7), (7, 9), (5, 11), (11, 13), (13, 15),
        (0, 6), (6, 8), (8, 10), (6, 12), (12, 14), (14, 16)]
WALKS = TREE + [(b, a) for a, b in TREE]


def clip(v, n):
    return min(max(v, F(0)), F(n - 1))


def look(grid, y, x, channel):
    """The value between the four cells around y, x."""
    y0, x0, y1, x1 = int(np.floor(y)), int(np.floor(x)), int(np.ceil(y)), int(np.ceil(x))
    v, u = F(y - F(y0)), F(x - F(x0))
    a = (F(1) - u) * grid[y0, x0, channel] + u * grid[y0, x1, channel]
    b = (F(1) - u) * grid[y1, x0, channel] + u * grid[y1, x1, channel]
    return (F(1) - v) * a + v * b


def walk(short, mid, y, x, edge, target):
    h, w, _ = short.shape
    channel = edge + EDGES if edge > EDGES else edge
    y, x = clip(y + look(mid, y, x, channel), h), clip(x + look(mid, y, x, channel + EDGES), w)
    for _ in range(5):
        dy, dx = look(short, y, x, target), look(short, y, x, target + PARTS)
        y, x = clip(y + dy, h), clip(x + dx, w)
    return y, x


def pose_from(heat, short, mid, y, x, part):
    found = {}
    todo = [(look(heat, y, x, part), y, x, part)]
    while todo:
        k = int(np.argmax([t[0] for t in todo]))
        score, y, x, part = todo.pop(k)
        if part in found:
            continue
        found[part] = (y, x, score)
        for edge, (a, b) in enumerate(WALKS):
            if a == part and b not in found:
                v, u = walk(short, mid, y, x, edge, b)
                todo.append((look(heat, v, u, b), v, u, b))
    places = np.array([found[k][:2] for k in range(PARTS)], F)
    odds = np.array([found[k][2] for k in range(PARTS)], F)
    return places, F(1) / (F(1) + np.exp(-odds).astype(F))


def mean(scores, keep=None):
    total = F(0)
    for k in np.argsort(-scores, kind="stable"):
        if keep is None or keep[k]:
            total = total + scores[k]
    return total / F(PARTS)


def near(a, b, radius):
    d = b - a
    return d[..., 0] * d[..., 0] + d[..., 1] * d[..., 1] <= radius


def decode(heat, short, mid, limit, threshold, stride, radius):
    """The bytes of places in pixels, part scores, pose scores and their number."""
    h, w, _ = heat.shape
    radius = F(radius / F(stride))
    radius = radius * radius
    least = F(-np.log(1.0 / (float(threshold) + 1e-6) - 1.0))
    roots = []
    for y in range(h):
        for x in range(w):
            around = heat[max(y - 1, 0):y + 2, max(x - 1, 0):x + 2]
            for k in range(PARTS):
                if heat[y, x, k] >= least and not (around[..., k] > heat[y, x, k]).any():
                    roots.append((heat[y, x, k], clip(F(y) + short[y, x, k], h), clip(F(x) + short[y, x, k + PARTS], w), k))
    roots = [roots[k] for k in np.argsort(-np.array([r[0] for r in roots], F), kind="stable")]
    poses = []
    for _, y, x, k in roots:
        if len(poses) == limit:
            break
        if any(near(np.array([y, x], F), p[0][k], radius) for p in poses):
            continue
        places, scores = pose_from(heat, short, mid, y, x, k)
        if mean(scores) >= threshold:
            poses.append((places, scores, mean(scores)))
    poses = [poses[k] for k in np.argsort(-np.array([p[2] for p in poses], F), kind="stable")]
    final = []
    for i, (places, scores, _) in enumerate(poses):
        keep = np.ones(PARTS, bool)
        for before in poses[:i]:
            keep &= ~near(places, before[0], radius)
        final.append(mean(scores, keep))
    order = [k for k in np.argsort(-np.array(final, F), kind="stable") if final[k] >= threshold]
    out = [np.zeros((limit, PARTS, 2), F), np.zeros((limit, PARTS), F), np.zeros(limit, F), np.array([len(order)], F)]
    for n, k in enumerate(order):
        out[0][n], out[1][n], out[2][n] = poses[k][0] * F(stride), poses[k][1], final[k]
    return b"".join(o.tobytes() for o in out)
