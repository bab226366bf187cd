package controller

import (
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/dunlin-edge/dunlin/fleet/broker"
)

const (
	uploadOffset = "Upload-Offset"
	uploadTime   = 10 * time.Minute // of one request; the next goes on where it ended
	maxUploads   = 16
)

var errUploads = problem(503, "too many uploads at once", "try again in a minute")

// upload takes files of captures from devices. HEAD tells in Upload-Offset how
// much is here, PUT with the same header appends.
func (c *Controller) upload(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || c.ca.check(r.TLS.PeerCertificates[0], broker.RoleDevice, 0) != nil {
		writeError(w, problem(403, "captures come from the devices of this fleet", ""))
		return
	}
	cert := r.TLS.PeerCertificates[0]
	if err := notRevoked(r.Context(), c.store.db, cert); err != nil {
		writeError(w, err)
		return
	}
	c.receiveCapture(w, r, cert.Subject.CommonName)
}

// receiveCapture serves a device that is known.
func (c *Controller) receiveCapture(w http.ResponseWriter, r *http.Request, device string) {
	x, err := c.capture(r.Context(), device, r.PathValue("sha256"))
	if err == nil && r.Method == http.MethodPut && !x.Whole {
		x, err = c.putCapture(w, r, x)
	}
	if x.SHA256 != "" {
		w.Header().Set(uploadOffset, strconv.FormatInt(x.Have, 10))
	}
	c.writeJSON(w, r, x, err)
}

func (c *Controller) putCapture(w http.ResponseWriter, r *http.Request, x Capture) (Capture, error) {
	if c.uploads.Add(1) > maxUploads {
		c.uploads.Add(-1)
		return x, errUploads
	}
	defer c.uploads.Add(-1)
	if err := c.admitCapture(r.Context(), x); err != nil {
		return x, first(c.note(r.Context(), "device "+x.Device, "capture.refused", x.Device, x.SHA256+": "+err.Error()), err)
	}
	offset, err := strconv.ParseInt(r.Header.Get(uploadOffset), 10, 64)
	if err != nil {
		return x, problem(400, uploadOffset+": not a number", "")
	}
	k := http.NewResponseController(w)
	_ = k.SetReadDeadline(time.Now().Add(uploadTime)) // no deadline to move otherwise
	_ = k.SetWriteDeadline(time.Now().Add(uploadTime + time.Minute))
	// Two requests for one file would write over each other.
	c.uploading.Lock()
	busy := c.uploadOf[x.Device]
	c.uploadOf[x.Device] = true
	c.uploading.Unlock()
	if busy {
		return x, problem(409, "an upload of this device is under way", "")
	}
	defer func() {
		c.uploading.Lock()
		delete(c.uploadOf, x.Device)
		c.uploading.Unlock()
	}()
	return c.addToCapture(r.Context(), x, offset, r.Body)
}

// captureRoutes let people look at what devices have kept.
func (c *Controller) captureRoutes() []route {
	return []route{
		{method: "GET", path: "/devices/{id}/captures", need: Viewer, summary: "windows that a device has kept whole", query: pages, answer: []Capture{}, do: func(r *http.Request) (any, error) {
			return page(r, func(x Capture) string { return x.SHA256 }, func(after string, limit int) ([]Capture, error) {
				return c.Captures(r.Context(), r.PathValue("id"), after, limit)
			})
		}},
		{method: "GET", path: "/devices/{id}/captures/{sha256}", need: Operator, summary: "the file of a capture, as dunlin replay takes it", media: "application/octet-stream", serve: c.sendCapture},
		{method: "DELETE", path: "/devices/{id}/captures/{sha256}", need: Operator, summary: "erase the file of a capture here", do: func(r *http.Request) (any, error) {
			return nil, c.EraseCapture(r.Context(), who(r).Name, r.PathValue("id"), r.PathValue("sha256"))
		}},
	}
}

// sendCapture sends a file. Who has looked at it is audited: it may show people.
func (c *Controller) sendCapture(w http.ResponseWriter, r *http.Request) error {
	x, err := c.capture(r.Context(), r.PathValue("id"), r.PathValue("sha256"))
	if err != nil {
		return err
	}
	if !x.Whole {
		return problem(404, "the file is not here", "dunlin-fleet command "+x.Device+" upload --args '{\"capture\": \""+x.SHA256[:12]+"\"}' asks for it")
	}
	data, err := os.ReadFile(c.capturePath(x.Device, x.SHA256))
	if err != nil {
		return err
	}
	if err := c.note(r.Context(), who(r).Name, "capture.read", x.Device, x.SHA256); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(data) // the reader is gone
	return nil
}
