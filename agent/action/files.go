package action

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// Files opens each JSON lines file once, however many actions write to it, so
// that lines never mix.
type Files struct {
	stdout io.Writer
	mu     sync.Mutex
	opened map[string]*jsonFile
}

// NewFiles begins with no file open; the path "-" means stdout.
func NewFiles(stdout io.Writer) *Files {
	return &Files{stdout: stdout, opened: map[string]*jsonFile{}}
}

func (f *Files) open(path string) (*jsonFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j, ok := f.opened[path]; ok {
		return j, nil
	}
	j := &jsonFile{w: f.stdout}
	if path != "-" {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, err
		}
		j.w, j.file = file, file
	}
	f.opened[path] = j
	return j, nil
}

// Close flushes and closes the files. It is idempotent.
func (f *Files) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for path, j := range f.opened {
		if j.file != nil {
			errs = append(errs, j.file.Sync(), j.file.Close())
		}
		delete(f.opened, path)
	}
	return errors.Join(errs...)
}

// jsonFile writes whole lines.
type jsonFile struct {
	mu   sync.Mutex
	w    io.Writer
	file *os.File // nil for stdout
}

func (j *jsonFile) do(_ context.Context, _ *Record, line []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err := j.w.Write(line)
	return err
}
