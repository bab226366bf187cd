package camera

// fromI420 converts packed planes (Y, then U and V at half size) to RGB: BT.601,
// limited range, 16-bit fixed point, rounded.
func fromI420(dst, src []byte, w, h int) { fromPlanes(dst, src, w, h, w) }

// fromPlanes is fromI420 with stride bytes from one row of Y to the next, and
// half of that for U and V.
func fromPlanes(dst, src []byte, w, h, stride int) {
	half := stride / 2
	u := src[stride*h:]
	v := u[half*((h+1)/2):]
	for y := range h {
		row, out := src[y*stride:][:w], dst[3*y*w:][:3*w]
		for x, luma := range row {
			at := y/2*half + x/2
			out[3*x], out[3*x+1], out[3*x+2] = rgb(int32(luma), int32(u[at]), int32(v[at]))
		}
	}
}

// fromNV12 has U and V in turn in one plane.
func fromNV12(dst, src []byte, w, h, stride int) {
	uv := src[stride*h:]
	for y := range h {
		row, out := src[y*stride:][:w], dst[3*y*w:][:3*w]
		for x, luma := range row {
			at := y/2*stride + x&^1
			out[3*x], out[3*x+1], out[3*x+2] = rgb(int32(luma), int32(uv[at]), int32(uv[at+1]))
		}
	}
}

// fromYUYV has Y U Y V for every two pixels.
func fromYUYV(dst, src []byte, w, h, stride int) {
	for y := range h {
		row, out := src[y*stride:][:2*w], dst[3*y*w:][:3*w]
		for x := 0; x+1 < w; x += 2 {
			p := row[2*x:][:4]
			out[3*x], out[3*x+1], out[3*x+2] = rgb(int32(p[0]), int32(p[1]), int32(p[3]))
			out[3*x+3], out[3*x+4], out[3*x+5] = rgb(int32(p[2]), int32(p[1]), int32(p[3]))
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
