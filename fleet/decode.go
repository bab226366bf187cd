package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// decodeExact accepts only the bytes that encoding the document gives. That
// rules out unknown and repeated keys, other spellings of keys and numbers, and
// anything after the end, without a list of such cases.
func decodeExact(data []byte, doc any) error {
	if err := json.Unmarshal(data, doc); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	again, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if !bytes.Equal(again, data) {
		return errors.New("decode: unknown key, or not in its one form")
	}
	return nil
}

// Up is a document that a device sends.
type Up interface {
	Hello | Reported | Status | Result
	name() Name
	check() error
}

// Encode returns a document as it is published.
func Encode[D Up](doc D) ([]byte, error) {
	if err := doc.check(); err != nil {
		return nil, fmt.Errorf("encode %s: %w", doc.name(), err)
	}
	data, err := json.Marshal(doc)
	if err == nil && len(data) > doc.name().MaxPayload() {
		err = fmt.Errorf("%d bytes, at most %d", len(data), doc.name().MaxPayload())
	}
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", doc.name(), err)
	}
	return data, nil
}

// Decode reads what a device sent. Keys that this version does not know are
// left alone.
func Decode[D Up](data []byte) (D, error) {
	var doc D
	if len(data) > doc.name().MaxPayload() {
		return doc, fmt.Errorf("decode %s: %d bytes, at most %d", doc.name(), len(data), doc.name().MaxPayload())
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return doc, fmt.Errorf("decode %s: %w", doc.name(), err)
	}
	if err := doc.check(); err != nil {
		return doc, fmt.Errorf("decode %s: %w", doc.name(), err)
	}
	return doc, nil
}

// decodeStrict reads one value in any layout, without unknown keys.
func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the closing brace")
	}
	return nil
}

// parseUnsigned reads a command without an envelope, as people send them with
// mosquitto_pub: any layout, no unknown keys, id and not_after may be absent.
// Only a device whose own configuration allows it calls this.
func parseUnsigned(data []byte) (Command, error) {
	var c Command
	if len(data) > TopicCmd.MaxPayload() {
		return c, fmt.Errorf("unsigned command: %d bytes", len(data))
	}
	if err := decodeStrict(data, &c); err != nil {
		return c, fmt.Errorf("unsigned command: %w", err)
	}
	if err := c.checkName(); err != nil {
		return c, fmt.Errorf("unsigned command: %w", err)
	}
	return c, nil
}
