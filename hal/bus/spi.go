package bus

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// What include/uapi/linux/spi/spidev.h names.
const (
	spiSetMode  = 0x40016b01 // SPI_IOC_WR_MODE
	spiSetBits  = 0x40016b03 // SPI_IOC_WR_BITS_PER_WORD
	spiSetSpeed = 0x40046b04 // SPI_IOC_WR_MAX_SPEED_HZ
	spiMessage  = 0x40006b00 // SPI_IOC_MESSAGE, of 32 bytes a transfer
	spiMost     = 64         // transfers of one message
	spiBytes    = 4096       // of one message: spidev's default bufsiz
)

// spiTransfer is struct spi_ioc_transfer.
type spiTransfer struct {
	tx, rx     uint64
	len, speed uint32
	delay      uint16
	bits       uint8
	csChange   uint8
	_          [4]uint8
}

// SPI is a device on an SPI bus. It implements spi.PortCloser, and after Connect
// spi.Conn; transfers are serialized.
type SPI struct {
	name string
	fd   *os.File

	mu    sync.Mutex
	limit physic.Frequency
	all   [spiMost]spiTransfer
	one   [1]spi.Packet
}

func openSPI(root devfs.Root, name string) (*SPI, error) {
	if ok, err := IsSPI(name); err != nil || !ok {
		return nil, errors.Join(err, fmt.Errorf("SPI device %.40q: want one such as spi0.0", name))
	}
	path := root.Path("dev", "spidev"+name[len("spi"):])
	fd, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, root.Explain("SPI device "+name, path, err)
	}
	return &SPI{name: name, fd: fd}, nil
}

// String implements spi.Port.
func (s *SPI) String() string { return s.name }

// Close implements spi.PortCloser.
func (s *SPI) Close() error { return s.fd.Close() }

// LimitSpeed implements spi.PortCloser.
func (s *SPI) LimitSpeed(f physic.Frequency) error {
	if f <= 0 {
		return errors.New("SPI speed: want above 0")
	}
	s.limit = f
	return nil
}

// Connect implements spi.Port.
func (s *SPI) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	if s.limit > 0 && (f <= 0 || s.limit < f) {
		f = s.limit
	}
	m, b, hz := uint8(mode&spi.Mode3), uint8(bits), uint32(f/physic.Hertz)
	if mode&^spi.Mode3 != 0 || bits < 1 || bits > 32 || hz == 0 {
		return nil, fmt.Errorf("SPI device %s: mode %s, %d bits, %s: not supported", s.name, mode, bits, f)
	}
	err := errors.Join(ioctl(s.fd.Fd(), spiSetMode, unsafe.Pointer(&m)), ioctl(s.fd.Fd(), spiSetBits, unsafe.Pointer(&b)), ioctl(s.fd.Fd(), spiSetSpeed, unsafe.Pointer(&hz)))
	if err != nil {
		return nil, fmt.Errorf("SPI device %s: %w", s.name, err)
	}
	return s, nil
}

// Duplex implements conn.Conn.
func (s *SPI) Duplex() conn.Duplex { return conn.Full }

// MaxTxSize implements conn.Limits.
func (s *SPI) MaxTxSize() int { return spiBytes }

// Tx implements conn.Conn.
func (s *SPI) Tx(w, r []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.one[0] = spi.Packet{W: w, R: r}
	return s.send(s.one[:])
}

// TxPackets implements spi.Conn: up to 64 packets in one system call. Between
// two of them the kernel holds chip select high for 10 µs (drivers/spi/spi.c,
// _spi_transfer_cs_change_delay). It allocates nothing.
func (s *SPI) TxPackets(p []spi.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.send(p)
}

func (s *SPI) send(p []spi.Packet) error {
	if len(p) == 0 || len(p) > spiMost {
		return fmt.Errorf("SPI device %s: %d packets, want 1 to %d", s.name, len(p), spiMost)
	}
	total := 0
	for i := range p {
		n := max(len(p[i].W), len(p[i].R))
		if total += n; total > spiBytes || len(p[i].W) > 0 && len(p[i].R) > 0 && len(p[i].W) != len(p[i].R) {
			return fmt.Errorf("SPI device %s: packets of more than %d bytes, or as many out as in", s.name, spiBytes)
		}
		t := spiTransfer{len: uint32(n), bits: p[i].BitsPerWord}
		if len(p[i].W) > 0 {
			t.tx = uint64(uintptr(unsafe.Pointer(&p[i].W[0])))
		}
		if len(p[i].R) > 0 {
			t.rx = uint64(uintptr(unsafe.Pointer(&p[i].R[0])))
		}
		if p[i].KeepCS == (i == len(p)-1) {
			t.csChange = 1
		}
		s.all[i] = t
	}
	err := ioctl(s.fd.Fd(), spiMessage|uintptr(len(p))<<21, unsafe.Pointer(&s.all[0]))
	runtime.KeepAlive(p)
	return err
}
