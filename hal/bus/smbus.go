package bus

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// What i2c-dev.h names of SMBus.
const (
	i2cSMBus     = 0x0720
	smbusWrite   = 0
	smbusRead    = 1
	smbusQuick   = 0
	smbusByte    = 1
	smbusData    = 2
	smbusWord    = 3
	smbusI2C     = 8
	smbusMaximum = 32 // bytes of a block
)

// smbus is struct i2c_smbus_ioctl_data and the union it points at.
type smbus struct {
	write, command uint8
	size           uint32
	data           *[smbusMaximum + 2]byte
	block          [smbusMaximum + 2]byte
}

func (b *I2C) smbusTx(write, command uint8, size uint32) error {
	s := &b.smbus
	s.write, s.command, s.size, s.data = write, command, size, &s.block
	return ioctl(b.fd.Fd(), i2cSMBus, unsafe.Pointer(s))
}

// overSMBus makes a transfer of SMBus's commands where they can express it.
func (b *I2C) overSMBus(address uint16, w, r []byte) error {
	if err := b.slave(address); err != nil {
		return err
	}
	switch s := &b.smbus; {
	case len(w) == 1 && len(r) == 0:
		return b.smbusTx(smbusWrite, w[0], smbusByte)
	case len(w) == 2 && len(r) == 0:
		s.block[0] = w[1]
		return b.smbusTx(smbusWrite, w[0], smbusData)
	case len(w) == 3 && len(r) == 0:
		binary.NativeEndian.PutUint16(s.block[:], binary.LittleEndian.Uint16(w[1:]))
		return b.smbusTx(smbusWrite, w[0], smbusWord)
	case len(w) > 3 && len(w) <= smbusMaximum+1 && len(r) == 0:
		s.block[0] = byte(copy(s.block[1:], w[1:]))
		return b.smbusTx(smbusWrite, w[0], smbusI2C)
	case len(w) == 0 && len(r) == 1:
		err := b.smbusTx(smbusRead, 0, smbusByte)
		r[0] = s.block[0]
		return err
	case len(w) == 1 && len(r) == 1:
		err := b.smbusTx(smbusRead, w[0], smbusData)
		r[0] = s.block[0]
		return err
	case len(w) == 1 && len(r) == 2:
		err := b.smbusTx(smbusRead, w[0], smbusWord)
		binary.LittleEndian.PutUint16(r, binary.NativeEndian.Uint16(s.block[:]))
		return err
	case len(w) == 1 && len(r) <= smbusMaximum:
		s.block[0] = byte(len(r))
		err := b.smbusTx(smbusRead, w[0], smbusI2C)
		if err == nil && copy(r, s.block[1:1+min(int(s.block[0]), smbusMaximum)]) < len(r) {
			return fmt.Errorf("SMBus block: %d of %d bytes", s.block[0], len(r))
		}
		return err
	}
	return fmt.Errorf("the adapter speaks SMBus only, which has no transfer of %d bytes out and %d in", len(w), len(r))
}
