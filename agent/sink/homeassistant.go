package sink

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/fleet"
)

// discovery is Home Assistant's device form (MQTT integration, 2024.11 and
// later): one retained message makes the device with all its entities.
type discovery struct {
	Device       haDevice               `json:"dev"`
	Origin       haOrigin               `json:"o"`
	Availability string                 `json:"avty_t"`
	Components   map[string]haComponent `json:"cmps"`
}

type haDevice struct {
	IDs          []string `json:"ids"`
	Name         string   `json:"name"`
	Manufacturer string   `json:"mf"`
	Model        string   `json:"mdl"`
	Version      string   `json:"sw"`
}

type haOrigin struct {
	Name    string `json:"name"`
	Version string `json:"sw"`
	URL     string `json:"url"`
}

// haComponent is one entity. One with nothing but its platform is taken away.
type haComponent struct {
	Platform   string   `json:"p"`
	UniqueID   string   `json:"unique_id,omitempty"`
	Name       string   `json:"name,omitempty"`
	StateTopic string   `json:"stat_t,omitempty"`
	Template   string   `json:"val_tpl,omitempty"`
	Class      string   `json:"dev_cla,omitempty"`
	Options    []string `json:"ops,omitempty"`
	Unit       string   `json:"unit_of_meas,omitempty"`
	StateClass string   `json:"stat_cla,omitempty"`
	Category   string   `json:"ent_cat,omitempty"`
	Attributes string   `json:"json_attr_t,omitempty"`
	PayloadOn  string   `json:"pl_on,omitempty"`
	PayloadOff string   `json:"pl_off,omitempty"`
}

const projectURL = "https://github.com/dunlin-edge/dunlin"

// discover publishes the device where its entities are others than Home
// Assistant knows. Entities of pipelines that are gone are taken away.
func (p *plain) discover(ctx context.Context, l *fleet.Link, s *agent.Status) error {
	prefix := p.cfg.HomeAssistant.Prefix
	if prefix == "" {
		return nil
	}
	id := "dunlin_" + strings.ReplaceAll(p.cfg.Device, "-", "_")
	cmps, have := map[string]haComponent{}, map[string]bool{}
	for i := range s.Pipelines {
		p.components(cmps, id, &s.Pipelines[i])
	}
	for key := range cmps {
		have[key] = true
	}
	if maps.Equal(have, p.entries) {
		return nil
	}
	for key := range p.entries {
		if !have[key] {
			cmps[key] = haComponent{Platform: platformOf(key)}
		}
	}
	model := "Dunlin agent"
	if slices.ContainsFunc(s.Pipelines, func(p agent.PipelineStatus) bool { return p.Simulated }) {
		model += " (simulated source)"
	}
	d := discovery{
		Device:       haDevice{[]string{id}, s.Device, "Dunlin", model, p.version},
		Origin:       haOrigin{"dunlin", p.version, projectURL},
		Availability: p.topic("status"), Components: cmps,
	}
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := publish(ctx, l, prefix+"/device/"+id+"/config", data, true); err != nil {
		return err
	}
	p.entries = have
	clear(p.told) // an entity that is new wants a state
	return nil
}

// The suffixes of a pipeline's entities.
const (
	ofClass   = "_class"
	ofScore   = "_score"
	ofProblem = "_problem"
	ofRate    = "_rate"
)

func platformOf(key string) string {
	if strings.HasSuffix(key, ofProblem) {
		return "binary_sensor"
	}
	return "sensor"
}

func (p *plain) components(cmps map[string]haComponent, id string, s *agent.PipelineStatus) {
	state := p.topic(s.Name, "state")
	add := func(suffix string, c haComponent) {
		key := strings.ReplaceAll(s.Name, "-", "_") + suffix
		c.Platform, c.UniqueID, c.StateTopic = platformOf(key), id+"_"+key, state
		cmps[key] = c
	}
	class := haComponent{Name: s.Name, Template: "{{ value_json.label }}", Attributes: state}
	if len(s.Labels) > 0 { // Home Assistant refuses a state that is no option
		class.Class, class.Options = "enum", append([]string{""}, s.Labels...)
	}
	add(ofClass, class)
	add(ofScore, haComponent{Name: s.Name + " score", Template: "{{ (value_json.score * 100) | round(1) }}", Unit: "%", StateClass: "measurement"})
	add(ofProblem, haComponent{Name: s.Name + " problem", Class: "problem", Category: "diagnostic",
		Template: "{{ 'OFF' if value_json.state in ['running', 'starting'] and value_json.drift != 'alarm' else 'ON' }}"})
	add(ofRate, haComponent{Name: s.Name + " rate", Template: "{{ value_json.per_second }}", Unit: "1/s", StateClass: "measurement", Category: "diagnostic"})
}
