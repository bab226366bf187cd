package camera

// fromI420 converts a planar image (Y, then U and V at half size) to RGB: BT.601,
// limited range, 16-bit fixed point, rounded.
func fromI420(dst, src []byte, w, h int) {
	u, v := src[w*h:], src[w*h+w*h/4:]
	for y := range h {
		row, out := src[y*w:][:w], dst[3*y*w:][:3*w]
		for x, luma := range row {
			at := y/2*(w/2) + x/2
			r, g, b := rgb(int32(luma), int32(u[at]), int32(v[at]))
			out[3*x], out[3*x+1], out[3*x+2] = r, g, b
		}
	}
}

// rgb: 1.164384 (Y-16) + {1.596027 V, -0.391762 U - 0.812968 V, 2.017232 U}
// with U and V less 128 (ITU-R BT.601-7, 2.5), times 65536.
func rgb(y, u, v int32) (r, g, b byte) {
	l := (y-16)*76309 + 32768
	u, v = u-128, v-128
	return clamp(l + 104597*v), clamp(l - 25675*u - 53279*v), clamp(l + 132201*u)
}

func clamp(x int32) byte { return byte(min(max(x>>16, 0), 255)) }
