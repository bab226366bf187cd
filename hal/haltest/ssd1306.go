package haltest

import "sync"

// SSD1306 is Solomon Systech's controller of small displays, of 128 by 64
// pixels: data sheet SSD1306 Rev. 1.1, I2C p. 19-21, memory p. 25-26, command
// table p. 28-32, addressing modes p. 34-35. Not modelled: scrolling, fading,
// timings, multiplex ratios, anything read.
type SSD1306 struct {
	mu       sync.Mutex
	memory   [8][128]byte // pages of eight rows, the lowest bit above
	command  []byte       // what came of one so far
	on       bool
	inverse  bool
	all      bool // every pixel lit
	mirrored bool // segment remap as after reset
	upside   bool // COM scan direction as after reset
	mode     byte // of addressing: 0 horizontal, 1 vertical, 2 by page
	columns  [2]byte
	pages    [2]byte
	column   byte
	page     byte
	line     byte // first of the memory that is shown
}

// NewSSD1306 returns a controller after reset: dark, as modules mount it upside
// down and mirrored.
func NewSSD1306() *SSD1306 {
	return &SSD1306{mirrored: true, upside: true, mode: 2, columns: [2]byte{0, 127}, pages: [2]byte{0, 7}}
}

// arguments of commands of more than one byte.
var ssdArguments = map[byte]int{
	0x20: 1, 0x21: 2, 0x22: 2, 0x26: 6, 0x27: 6, 0x29: 5, 0x2a: 5, 0x81: 1, 0x8d: 1, 0xa3: 2, 0xa8: 1, 0xd3: 1, 0xd5: 1, 0xd9: 1, 0xda: 1, 0xdb: 1,
}

// Write implements Chip: control bytes say whether one byte or all that follow
// are a command or data.
func (c *SSD1306) Write(w []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(w) > 0 {
		control := w[0]
		w = w[1:]
		n := len(w)
		if control&0x80 != 0 {
			n = min(1, n)
		}
		for _, v := range w[:n] {
			if control&0x40 != 0 {
				c.put(v)
			} else {
				c.take(v)
			}
		}
		w = w[n:]
	}
}

// Read implements Chip: over I2C nothing but the status is read.
func (c *SSD1306) Read(r []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(r)
	if !c.on {
		r[0] = 0x40
	}
}

func (c *SSD1306) take(v byte) {
	c.command = append(c.command, v)
	if len(c.command) <= ssdArguments[c.command[0]] {
		return
	}
	a := c.command
	c.command = nil
	switch op := a[0]; {
	case op <= 0x0f:
		c.column = c.column&0xf0 | op
	case op <= 0x1f:
		c.column = c.column&0x0f | op<<4&0x70
	case op == 0x20:
		c.mode = a[1] & 3
	case op == 0x21:
		c.columns = [2]byte{a[1] & 0x7f, a[2] & 0x7f}
		c.column = c.columns[0]
	case op == 0x22:
		c.pages = [2]byte{a[1] & 7, a[2] & 7}
		c.page = c.pages[0]
	case op >= 0x40 && op <= 0x7f:
		c.line = op & 0x3f
	case op == 0xa0 || op == 0xa1:
		c.mirrored = op == 0xa0
	case op == 0xc0 || op == 0xc8:
		c.upside = op == 0xc0
	case op == 0xa4 || op == 0xa5:
		c.all = op == 0xa5
	case op == 0xa6 || op == 0xa7:
		c.inverse = op == 0xa7
	case op == 0xae || op == 0xaf:
		c.on = op == 0xaf
	case op >= 0xb0 && op <= 0xb7:
		c.page = op & 7
	}
}

// put writes data and moves on.
func (c *SSD1306) put(v byte) {
	c.memory[c.page][c.column] = v
	if c.mode == 2 {
		c.column = (c.column + 1) & 0x7f
		return
	}
	step := func(at *byte, of [2]byte) bool {
		if *at == of[1] {
			*at = of[0]
			return true
		}
		*at++
		return false
	}
	first, second, a, b := &c.column, &c.page, c.columns, c.pages
	if c.mode == 1 {
		first, second, a, b = second, first, b, a
	}
	if step(first, a) {
		step(second, b)
	}
}

// Pixels is what somebody in front of a module sees, row by row.
func (c *SSD1306) Pixels() (seen [64][128]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for y := range 64 {
		for x := range 128 {
			row, column := (y+int(c.line))%64, x
			if c.upside {
				row = 63 - row
			}
			if c.mirrored {
				column = 127 - column
			}
			lit := c.memory[row/8][column]>>(row%8)&1 == 1
			seen[y][x] = c.on && (c.all || lit != c.inverse)
		}
	}
	return seen
}
