package docker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

// Settings is the [provider.docker] block.
type Settings struct {
	// Host is the engine's address, unix:///PATH or tcp://HOST:PORT; "" is the one that the docker command would use.
	Host string `toml:"host" doc:"the engine's address, unix:///PATH or tcp://HOST:PORT; default: the one that the docker command would use"`
}

// Options is the [machine.X.docker] block.
type Options struct {
	// Capabilities are given to the container besides the engine's default ones: "SYS_ADMIN".
	Capabilities []string `toml:"capabilities" doc:"given to the container besides the engine's default ones, such as SYS_ADMIN"`
}

var (
	_ providers.Validator = (*Settings)(nil)
	_ providers.Validator = (*Options)(nil)
)

// Validate implements providers.Validator.
func (s *Settings) Validate() []providers.Problem {
	if s.Host == "" {
		return nil
	}
	if _, err := client.ParseHostURL(s.Host); err != nil {
		return []providers.Problem{{Key: "host", Text: fmt.Sprintf("%q is no engine's address: want unix:///PATH or tcp://HOST:PORT", s.Host)}}
	}
	return nil
}

// Validate implements providers.Validator.
func (o *Options) Validate() []providers.Problem {
	var problems []providers.Problem
	for i, capability := range o.Capabilities {
		short := strings.TrimPrefix(strings.ToUpper(capability), "CAP_")
		if short == "" || strings.Trim(short, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" || slices.Contains(o.Capabilities[:i], capability) {
			problems = append(problems, providers.Problem{
				Key: fmt.Sprintf("capabilities[%d]", i), Text: fmt.Sprintf("%q is no capability's name, or is there twice", capability),
			})
		}
	}
	return problems
}
