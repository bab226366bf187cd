package controller

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// metrics writes what a Prometheus server reads: of the fleet as a whole, never
// by device.
func (c *Controller) metrics(w http.ResponseWriter, r *http.Request) error {
	t, err := c.Totals(r.Context())
	if err != nil {
		return err
	}
	certs, err := c.Certificates(r.Context(), c.now().Add(100*365*24*time.Hour))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m := exposition{w}
	m.head("dunlin_fleet_devices", "gauge", "devices by state")
	for _, state := range slices.Sorted(maps.Keys(t.Devices)) {
		fmt.Fprintf(w, "dunlin_fleet_devices{state=%q} %d\n", state, t.Devices[state])
	}
	m.one("dunlin_fleet_broker_connected", "gauge", "1 while the link to the broker holds", one(t.Broker))
	m.one("dunlin_fleet_chunks_total", "counter", "chunks committed", t.Chunks)
	m.one("dunlin_fleet_records_total", "counter", "records in them", t.Records)
	m.one("dunlin_fleet_repeated_chunks_total", "counter", "chunks that were committed before", t.Repeat)
	m.one("dunlin_fleet_refused_messages_total", "counter", "messages that cannot be taken", t.Refused)
	m.one("dunlin_fleet_failed_messages_total", "counter", "messages that the database did not take; they come again", t.Failed)
	m.one("dunlin_fleet_overrun_messages_total", "counter", "messages dropped while ingest was behind; they come again", t.Overrun)
	m.certificates(certs, c.now())
	return nil
}

type exposition struct{ io.Writer }

func (m exposition) head(name, kind, help string) {
	fmt.Fprintf(m, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (m exposition) one(name, kind, help string, value uint64) {
	m.head(name, kind, help)
	fmt.Fprintf(m, "%s %d\n", name, value)
}

// certificates tells each end but the devices', of which it tells the next and
// how many are overdue: a device renews at two thirds of its certificate's life.
func (m exposition) certificates(all []Certificate, now time.Time) {
	m.head("dunlin_fleet_certificate_not_after_seconds", "gauge", "end of a certificate, Unix time; of the devices' the next")
	overdue, devices := uint64(0), false
	for _, x := range all {
		if x.Kind != "device" {
			fmt.Fprintf(m, "dunlin_fleet_certificate_not_after_seconds{kind=%q,name=%q} %d\n", x.Kind, x.Name, x.Ends.Unix())
			continue
		}
		if !devices { // they come by their end
			fmt.Fprintf(m, "dunlin_fleet_certificate_not_after_seconds{kind=\"device\",name=\"\"} %d\n", x.Ends.Unix())
			devices = true
		}
		if x.Ends.Before(now.Add(renewLate)) {
			overdue++
		}
	}
	m.one("dunlin_fleet_certificates_overdue", "gauge", "devices that should have renewed long ago", overdue)
}
