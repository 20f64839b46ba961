package engine

import (
	"context"
	"time"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

// Diagnosis is how a provider is on this host.
type Diagnosis struct {
	Provider string
	// Usable: machines can be made on it now.
	Usable   bool
	Findings []providers.Finding
}

// examineTime is how long a daemon may take to answer.
const examineTime = 10 * time.Second

// Doctor looks at what each provider needs of this host. It changes nothing.
func (h Host) Doctor(ctx context.Context) []Diagnosis {
	var all []Diagnosis
	for _, kind := range h.Providers {
		daemon := h.daemon(ctx, kind)
		d := Diagnosis{Provider: kind.Name, Usable: daemon.Health != providers.Bad, Findings: []providers.Finding{daemon}}
		if kind.Doctor != nil {
			for _, finding := range kind.Doctor(ctx, providers.Config{CacheDir: h.CacheDir, Log: h.Log}) {
				d.Usable = d.Usable && finding.Health != providers.Bad
				d.Findings = append(d.Findings, finding)
			}
		}
		all = append(all, d)
	}
	return all
}

// daemon says whether the provider's daemon answers this user; what mends it is the error's own hint.
func (h Host) daemon(ctx context.Context, kind providers.Kind) providers.Finding {
	ctx, stop := context.WithTimeout(ctx, examineTime)
	defer stop()
	finding := providers.Finding{Subject: "daemon", Health: providers.Good}
	provider, err := h.open(ctx, kind)
	if err == nil {
		defer provider.Close()
		finding.Text, err = provider.Check(ctx)
	}
	if err != nil {
		finding.Health, finding.Text, finding.Fix = providers.Bad, err.Error(), hint.Of(err)
	}
	return finding
}
