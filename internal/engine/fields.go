package engine

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/providers"
)

// defaultValue stands for a key that the Colabofile leaves to the provider.
const defaultValue = "default"

// fieldsOf lists what the machine is made with, a value a key: always the same keys for a provider. They are taken from the
// Colabofile as it is written, and so hold no secret. Ports are among them only where the provider publishes them itself.
func fieldsOf(m *desiredMachine, kind providers.Kind) (map[string]string, error) {
	env, err := json.Marshal(m.config.Env) // map keys are sorted
	if err != nil {
		return nil, fmt.Errorf("env: %w", err)
	}
	fields := map[string]string{
		"box":      m.config.Box,
		"hostname": m.config.Hostname,
		"cpus":     orDefault(m.config.CPUs),
		"memory":   m.config.Memory.String(),
		"disk":     m.config.Disk.String(),
		"user":     m.config.User,
		"env":      string(env),
	}
	if len(m.config.Env) == 0 {
		fields["env"] = defaultValue
	}
	if m.features.PublishesPorts {
		ports := []string{}
		for _, port := range m.ports {
			ports = append(ports, fmt.Sprintf("%s->%d/%s", hostAddress(port.Port), port.Guest, port.Protocol))
		}
		fields["ports"] = "[" + strings.Join(ports, ", ") + "]"
	}
	if kind.Options == nil {
		return fields, nil
	}
	options := m.config.Options[m.provider]
	if options == nil {
		options = colabofile.NewOptions(kind)
	}
	return fields, addOptions(fields, m.provider, reflect.ValueOf(options).Elem())
}

// addOptions adds the keys of a provider's block, each as PROVIDER.KEY.
func addOptions(fields map[string]string, provider string, options reflect.Value) error {
	for _, field := range reflect.VisibleFields(options.Type()) {
		key, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
		if key == "" || key == "-" || !field.IsExported() {
			continue
		}
		value := options.FieldByIndex(field.Index)
		text := fmt.Sprint(value.Interface())
		switch {
		case value.IsZero():
			text = defaultValue
		case value.Kind() != reflect.String && value.Kind() != reflect.Int64:
			encoded, err := json.Marshal(value.Interface())
			if err != nil {
				return fmt.Errorf("%s.%s: %w", provider, key, err)
			}
			text = string(encoded)
		}
		fields[provider+"."+key] = text
	}
	return nil
}

func orDefault(n int) string {
	if n == 0 {
		return defaultValue
	}
	return fmt.Sprint(n)
}
