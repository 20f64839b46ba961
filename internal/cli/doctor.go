package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/ui"
	"github.com/colabo/colabo/providers"
)

func newDoctorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what is missing on this host, and what mends it",
		Long: `doctor looks at what each provider needs of this host: its daemon, your permission to use it, the processor, tools and
room. It changes nothing, and prints a line for each with the command that mends it.

Exit status: 0 when a provider is usable, 4 when none is.`,
		Example: "  colabo doctor\n  colabo doctor --json | jq 'select(.health != \"good\")'",
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runDoctor(cmd.Context())
		},
	}
}

func (a *app) runDoctor(ctx context.Context) error {
	host, err := a.host()
	if err != nil {
		return err
	}
	usable := false
	for _, diagnosis := range append(host.Doctor(ctx), hostDiagnosis()) {
		usable = usable || diagnosis.Usable
		if err := a.printDiagnosis(diagnosis); err != nil {
			return err
		}
	}
	if !usable {
		return fmt.Errorf("no provider is usable here: %w", providers.ErrUnavailable)
	}
	return ctx.Err()
}

// hostDiagnosis is what all providers need.
func hostDiagnosis() engine.Diagnosis {
	finding := providers.Finding{Subject: "ssh", Health: providers.Good}
	path, err := exec.LookPath("ssh")
	finding.Text = path
	if errors.Is(err, exec.ErrNotFound) {
		finding.Health, finding.Text = providers.Warn, "OpenSSH's client is not installed: `colabo ssh` does without its escapes and configuration"
		finding.Fix = "apt-get install openssh-client"
	}
	return engine.Diagnosis{Provider: "host", Findings: []providers.Finding{finding}}
}

// marks of health, as those of stages.
func mark(health providers.Health) string {
	switch health {
	case providers.Good:
		return "✓"
	case providers.Warn:
		return "!"
	case providers.Bad:
	}
	return "✗"
}

func (a *app) printDiagnosis(diagnosis engine.Diagnosis) error {
	for _, finding := range diagnosis.Findings {
		if a.global.json {
			if err := a.printJSON(map[string]any{
				"type": "finding", "provider": diagnosis.Provider, "subject": finding.Subject,
				"health": finding.Health, "text": finding.Text, "fix": finding.Fix,
			}); err != nil {
				return err
			}
			continue
		}
		text := fmt.Sprintf("%s %s  %s: %s\n", mark(finding.Health), diagnosis.Provider, finding.Subject, ui.OneLine(finding.Text))
		if finding.Fix != "" {
			text += "  -> " + ui.OneLine(finding.Fix) + "\n"
		}
		if _, err := fmt.Fprint(a.Out, text); err != nil {
			return err
		}
	}
	return nil
}
