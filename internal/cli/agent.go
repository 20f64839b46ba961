package cli

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/forward"
)

// agentCommand is the hidden command that the engine starts in the background.
const agentCommand = "forward-agent"

func newAgentCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    agentCommand + " DIR",
		Short:  "Forward ports of a project's machines",
		Hidden: true,
		Args:   arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return forward.Serve(cmd.Context(), args[0], slog.New(slog.NewTextHandler(a.Err, nil)))
		},
	}
}
