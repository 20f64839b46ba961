package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/providers"
)

// vmProvider may have to emulate; containerProvider never does. Only what choosing needs is there.
type vmProvider struct {
	providers.Provider
	native bool
}

func (p vmProvider) Check(context.Context) (string, error) { return "there", nil }
func (p vmProvider) Acceleration() (bool, string)          { return p.native, "no vmx or svm" }

type containerProvider struct{ providers.Provider }

func (p containerProvider) Check(context.Context) (string, error) { return "there", nil }

// kind is a Kind whose Open returns the provider, or says that it is not usable where that is nil.
func kind(name string, p providers.Provider) providers.Kind {
	return providers.Kind{Name: name, Open: func(context.Context, providers.Config) (providers.Provider, error) {
		if p == nil {
			return nil, fmt.Errorf("%w: %s does not run", providers.ErrUnavailable, name)
		}
		return p, nil
	}}
}

func TestProviderIsChosen(t *testing.T) {
	both := func(native bool) []providers.Kind {
		return []providers.Kind{kind("vm", vmProvider{native: native}), kind("container", containerProvider{})}
	}
	tests := map[string]struct {
		kinds               []providers.Kind
		flag, machine, made string
		want, why           string
		fails               bool
	}{
		"a VM at full speed":                      {kinds: both(true), want: "vm", why: "no vmx or svm"},
		"no emulation where there is a container": {kinds: both(false), want: "container", why: "vm would emulate the processor: no vmx or svm"},
		"emulation before nothing":                {kinds: []providers.Kind{kind("vm", vmProvider{}), kind("container", nil)}, want: "vm", why: "no vmx or svm"},
		"the only one":                            {kinds: []providers.Kind{kind("vm", nil), kind("container", containerProvider{})}, want: "container", why: "it is the first that is usable here"},
		"none":                                    {kinds: []providers.Kind{kind("vm", nil), kind("container", nil)}, fails: true},
		"the user's word":                         {kinds: both(true), flag: "container", machine: "vm", want: "container"},
		"the machine's word":                      {kinds: both(true), machine: "container", want: "container"},
		"who made it keeps it":                    {kinds: both(true), machine: "vm", made: "container", want: "container"},
		"made by another one":                     {kinds: both(true), flag: "vm", made: "container", fails: true},
		"auto on the command line too":            {kinds: both(true), flag: "auto", made: "container", want: "container"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := &Engine{Options: Options{
				Project: &colabofile.Project{
					Provider: colabofile.Auto,
					Machines: []*colabofile.Machine{{Name: "dev", Provider: test.machine}},
				},
				Providers: test.kinds, Provider: test.flag, Log: slog.New(slog.DiscardHandler),
			}, open: map[string]*opened{}}
			got, err := e.choose(t.Context(), "dev", test.made)
			if (err != nil) != test.fails {
				t.Fatalf("choose = %v, %v", got, err)
			}
			if name == "none" && !errors.Is(err, providers.ErrUnavailable) {
				t.Errorf("%v is no ErrUnavailable", err)
			}
			if got.name != test.want || got.why != test.why {
				t.Errorf("it is %+v, want %s (%q)", got, test.want, test.why)
			}
		})
	}
}
