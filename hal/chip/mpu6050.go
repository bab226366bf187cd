package chip

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Registers and bits of InvenSense's MPU-6050 (MPU-6000/MPU-6050 Register Map
// and Descriptions RM-MPU-6000A-00 Rev. 4.2, map p. 6-8, FIFO p. 43-44).
const (
	mpuDivider   = 0x19 // SMPLRT_DIV
	mpuConfig    = 0x1a // CONFIG: low-pass filter
	mpuGyro      = 0x1b // GYRO_CONFIG
	mpuAccel     = 0x1c // ACCEL_CONFIG
	mpuFIFOEn    = 0x23 // FIFO_EN
	mpuInts      = 0x38 // INT_ENABLE
	mpuStatus    = 0x3a // INT_STATUS
	mpuUser      = 0x6a // USER_CTRL
	mpuPower     = 0x6b // PWR_MGMT_1
	mpuCount     = 0x72 // FIFO_COUNTH, L
	mpuFIFO      = 0x74 // FIFO_R_W
	mpuID        = 0x75 // WHO_AM_I: 0x68; clones and successors say 0x70 to 0x72
	mpuSize      = 1024 // bytes of the FIFO
	mpuOverflow  = 0x10
	mpuFIFOOn    = 0x40
	mpuFIFOReset = 0x04
	mpuFilter    = 1    // 184 Hz: with one the converters run at 1 kHz
	mpuXClock    = 0x01 // the x gyroscope's clock is steadier than the oscillator
	mpuBurst     = 252  // bytes of one transfer: whole frames of 6 and of 12
)

func mpu6050Model() model {
	return model{
		name: "mpu6050", summary: "an accelerometer and gyroscope on I2C, up to 1000 Hz", addresses: []uint16{0x68, 0x69}, fifo: mpuSize, big: true,
		groups: []group{
			{"g", axes("accel"), func(p *plan) float64 { return p.span / 32768 }},
			{"rad/s", axes("anglvel"), func(p *plan) float64 { return p.rotation / 250 / 131.072 * math.Pi / 180 }},
		},
		ranges: []float64{8, 16, 4, 2}, rotations: []float64{1000, 2000, 500, 250},
		rates: func(bool) (all []float64) {
			for d := range 256 {
				all = append(all, 1000/float64(1+d))
			}
			return all
		},
		device: func(l *link, p *plan) device { return &mpu6050{link: l, plan: p} },
	}
}

// mpu6050 is an open chip.
type mpu6050 struct {
	*link
	plan   *plan
	raw    [mpuSize]byte
	levels [4]byte
	two    [2]request
	status [1]byte
	torn   bool // a transfer of the FIFO failed: frames are out of step
}

func (c *mpu6050) start() error {
	if err := c.identify(mpuID, 0x68, 0x70, 0x71, 0x72); err != nil {
		return err
	}
	fifo := byte(0)
	if c.plan.groups[0] {
		fifo |= 0x08
	}
	if c.plan.groups[1] {
		fifo |= 0x70
	}
	divider := byte(math.Round(1000/c.plan.rateHz) - 1)
	gyro, accel := byte(math.Log2(c.plan.rotation/250)), byte(math.Log2(c.plan.span/2))
	if err := c.set([2]byte{mpuPower, mpuXClock}, [2]byte{mpuUser, 0}, [2]byte{mpuInts, 0}, [2]byte{mpuConfig, mpuFilter}, [2]byte{mpuDivider, divider},
		[2]byte{mpuGyro, gyro << 3}, [2]byte{mpuAccel, accel << 3}, [2]byte{mpuFIFOEn, fifo}); err != nil {
		return err
	}
	return c.restart()
}

// restart empties the FIFO.
func (c *mpu6050) restart() error {
	if err := c.write(mpuUser, mpuFIFOOn|mpuFIFOReset); err != nil {
		return fmt.Errorf("reset the FIFO: %w", err)
	}
	c.torn = false
	return c.read(mpuStatus, c.status[:]) // clears what it told
}

// drain reads whole frames. A FIFO that overflowed has dropped single bytes, so
// that frames are out of step: it starts anew.
func (c *mpu6050) drain(buf []float32) (drained, error) {
	if c.torn {
		return drained{gap: true}, c.restart()
	}
	bytes, err := c.level(mpuCount, &c.levels, &c.two, 2, func(r []byte) int { return int(binary.BigEndian.Uint16(r)) })
	if err != nil {
		return drained{}, err
	}
	frame := 2 * c.plan.words
	if bytes > mpuSize {
		return drained{}, fmt.Errorf("the FIFO holds %d bytes of %d", bytes, mpuSize)
	}
	if bytes > mpuSize-frame {
		c.torn = true
		return drained{gap: true}, c.restart()
	}
	n := min(bytes/frame, len(buf)/len(c.plan.pick))
	if n == 0 {
		return drained{}, nil
	}
	for at := 0; at < n*frame; at += mpuBurst {
		if err := c.read(mpuFIFO, c.raw[at:min(at+mpuBurst, n*frame)]); err != nil {
			c.torn = true
			return drained{gap: true}, fmt.Errorf("read the FIFO: %w", err)
		}
	}
	if err := c.read(mpuStatus, c.status[:]); err != nil || c.status[0]&mpuOverflow != 0 {
		c.torn = true // while it was read
		return drained{gap: true}, err
	}
	c.plan.decode(buf, c.raw[:], n)
	return drained{frames: n, left: bytes/frame - n}, nil
}
