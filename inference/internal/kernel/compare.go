package kernel

// Ordered is a number that is less than, equal to or greater than another.
type Ordered interface {
	Integer | float32
}

// Select copies elements of elem bytes from a where cond is true and from b
// elsewhere; a step is 0 for an operand of one element and 1 otherwise.
func Select(dst, cond, a, b []byte, condStep, aStep, bStep, elem int) {
	for i := range len(dst) / elem {
		src := b[i*bStep*elem:]
		if cond[i*condStep] != 0 {
			src = a[i*aStep*elem:]
		}
		copy(dst[i*elem:][:elem], src)
	}
}

// Compare8 holds two 8-bit operands against each other at their own scales
// (kernels/internal/reference/comparisons.h, ComparisonWithScaling).
type Compare8 struct {
	A, B         Multiplier
	AZero, BZero int32
}

// Sides returns the operands at a common scale.
func (c *Compare8) Sides(a, b int32) (int32, int32) {
	return c.A.Apply((a - c.AZero) << 8), c.B.Apply((b - c.BZero) << 8)
}

// And, Or and Not take truth values of any byte but 0.

func And(a, b byte) byte { return truth(a != 0 && b != 0) }
func Or(a, b byte) byte  { return truth(a != 0 || b != 0) }
func Not(a byte) byte    { return truth(a == 0) }
