package camera

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What include/uapi/linux/videodev2.h names. Sizes of structures that hold
// pointers or times differ between 32 and 64 bits, and so do the requests.
const (
	bufCapture   = 1
	memoryMmap   = 1
	fieldNone    = 1
	capCapture   = 0x00000001
	capStreaming = 0x04000000
	capDeviceSet = 0x80000000 // DeviceCaps holds
	bufError     = 0x00000040
	bufMonotonic = 0x00002000
	bufClockMask = 0x0000e000
)

const (
	iocWrite = 1
	iocRead  = 2
)

func ioc(dir, number, size uint) uint { return dir<<30 | size<<16 | 'V'<<8 | number }

var (
	vidiocQueryCap  = ioc(iocRead, 0, uint(unsafe.Sizeof(capability{})))
	vidiocSetFormat = ioc(iocRead|iocWrite, 5, uint(unsafe.Sizeof(format{})))
	vidiocReqBufs   = ioc(iocRead|iocWrite, 8, uint(unsafe.Sizeof(requestBuffers{})))
	vidiocQueryBuf  = ioc(iocRead|iocWrite, 9, uint(unsafe.Sizeof(buffer{})))
	vidiocQBuf      = ioc(iocRead|iocWrite, 15, uint(unsafe.Sizeof(buffer{})))
	vidiocDQBuf     = ioc(iocRead|iocWrite, 17, uint(unsafe.Sizeof(buffer{})))
	vidiocStreamOn  = ioc(iocWrite, 18, 4)
	vidiocStreamOff = ioc(iocWrite, 19, 4)
	vidiocSetParm   = ioc(iocRead|iocWrite, 22, uint(unsafe.Sizeof(streamParm{})))
)

// capability is struct v4l2_capability.
type capability struct {
	Driver    [16]byte
	Card, Bus [32]byte
	Version   uint32
	all, own  uint32 // capabilities, device_caps
	_         [3]uint32
}

// caps are those of this device, not of all that its driver made.
func (c *capability) caps() uint32 {
	if c.all&capDeviceSet != 0 {
		return c.own
	}
	return c.all
}

// format is struct v4l2_format: a type and a union of 200 bytes, aligned as
// the pointers within it.
type format struct {
	Type  uint32
	union [200 / unsafe.Sizeof(uintptr(0))]uintptr
}

// pixFormat is the beginning of struct v4l2_pix_format.
type pixFormat struct {
	Width, Height, PixelFormat, Field uint32
	BytesPerLine, SizeImage           uint32
}

func (f *format) pix() *pixFormat { return (*pixFormat)(unsafe.Pointer(&f.union)) }

// streamParm is struct v4l2_streamparm with its v4l2_captureparm.
type streamParm struct {
	Type, Capability, Mode uint32
	Numerator, Denominator uint32 // seconds an image
	_                      [200 - 16]byte
}

// requestBuffers is struct v4l2_requestbuffers.
type requestBuffers struct {
	Count, Type, Memory, Capabilities uint32
	_                                 uint32
}

// buffer is struct v4l2_buffer.
type buffer struct {
	Index, Type, BytesUsed, Flags, Field uint32
	Timestamp                            unix.Timeval
	Timecode                             [16]byte
	Sequence, Memory                     uint32
	union                                uintptr // offset of the memory, 32 bits
	Length                               uint32
	_                                    [2]uint32
}

func (b *buffer) offset() uint32 { return *(*uint32)(unsafe.Pointer(&b.union)) }

// time is when the image was taken, on the wall clock.
func (b *buffer) time() time.Time {
	now := time.Now()
	var mono unix.Timespec
	if b.Flags&bufClockMask != bufMonotonic || unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil {
		return now
	}
	age := time.Duration(mono.Nano() - b.Timestamp.Nano())
	if age < 0 || age > time.Minute {
		return now
	}
	return now.Add(-age)
}
