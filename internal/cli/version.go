package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			if a.global.json {
				return a.printJSON(map[string]string{"version": a.Version, "go": runtime.Version(), "platform": platform})
			}
			_, err := fmt.Fprintf(a.Out, "colabo %s (%s, %s)\n", a.Version, runtime.Version(), platform)
			return err
		},
	}
}
