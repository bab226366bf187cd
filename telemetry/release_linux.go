package telemetry

import "golang.org/x/sys/unix"

// release gives back the pages of the file that this process has looked at:
// they count as its memory until then, and the kernel still has them cached.
func (s *store) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return
	}
	// Without it only memory is missing, so an error changes nothing.
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, s.db.Info().Data, uintptr(s.cfg.MaxBytes), unix.MADV_DONTNEED)
}
