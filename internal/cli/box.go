package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/boxes"
	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/event"
	"github.com/colabo/colabo/internal/ui"
)

func newBoxCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "box",
		Short: "Build, list and remove boxes, the images that machines start from",
		Args:  unknownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBoxBuildCommand(a), newBoxListCommand(a), newBoxRemoveCommand(a))
	return cmd
}

func newBoxBuildCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "build NAME",
		Short:             "Build a box from packages",
		Long:              "build makes a box from packages: " + strings.Join(boxes.RecipeNames(), ", ") + ". It needs root and the tools that it names where they are missing.",
		Example:           "  colabo box build debian-12",
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: cobra.FixedCompletions(boxes.RecipeNames(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runBoxBuild(cmd.Context(), args[0])
		},
	}
}

func (a *app) runBoxBuild(ctx context.Context, name string) error {
	store, err := a.boxStore()
	if err != nil {
		return err
	}
	box, err := a.buildBox(ctx, boxSource{store}, name)
	if err != nil {
		return err
	}
	return a.printBoxes([]boxes.Box{box})
}

// buildBox shows the progress of a build that belongs to no project.
func (a *app) buildBox(ctx context.Context, source boxSource, name string) (boxes.Box, error) {
	progress := a.progress()
	defer progress.Close()
	stage, begin := "box "+name, time.Now()
	progress.Handle(event.Event{Type: event.Begin, Time: begin, Stage: stage})
	box, err := source.Build(ctx, name, showBoxProgress(progress, stage))
	end := event.Event{Type: event.Done, Time: time.Now(), Stage: stage, Elapsed: time.Since(begin)}
	if err != nil {
		end.Type, end.Text = event.Failed, err.Error()
	}
	progress.Handle(end)
	return box, err
}

func newBoxListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the boxes on this machine",
		Args:    arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			store, err := a.boxStore()
			if err != nil {
				return err
			}
			list, err := store.List()
			if err != nil {
				return err
			}
			return a.printBoxes(list)
		},
	}
}

// boxRow is a box as --json prints it.
type boxRow struct {
	Type    string    `json:"type"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Arch    string    `json:"arch"`
	Digest  string    `json:"digest"`
	Size    int64     `json:"size"` // bytes on disk
	Built   time.Time `json:"built"`
	Disk    string    `json:"disk,omitempty"`   // path of the qcow2
	Rootfs  string    `json:"rootfs,omitempty"` // path of the tar.zst
}

func (a *app) printBoxes(list []boxes.Box) error {
	if a.global.json {
		for _, box := range list {
			if err := a.printJSON(boxRow{
				Type: "box", Name: box.Name, Version: box.Version, Arch: box.Arch,
				Digest: box.Digest, Size: box.Size, Built: box.Built, Disk: box.Disk, Rootfs: box.Rootfs,
			}); err != nil {
				return err
			}
		}
		return nil
	}
	rows := [][]string{{"BOX", "VERSION", "ARCH", "SIZE", "BUILT"}}
	for _, box := range list {
		rows = append(rows, []string{
			box.Name, box.Version, box.Arch,
			fmt.Sprintf("%d MB", box.Size/1_000_000), box.Built.Local().Format(time.DateTime),
		})
	}
	return ui.Table(a.Out, rows)
}

func newBoxRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Aliases: []string{"rm"},
		Short:   "Remove a box, and the copies of it that providers keep",
		Long:    "remove takes a box out of the store and out of the providers that can be used here. A copy that a machine still uses is not removed, and that is an error.",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runBoxRemove(cmd.Context(), args[0])
		},
	}
}

func (a *app) runBoxRemove(ctx context.Context, name string) error {
	store, err := a.boxStore()
	if err != nil {
		return err
	}
	all, err := store.List()
	if err != nil {
		return err
	}
	cache, err := userDir("XDG_CACHE_HOME", ".cache")
	if err != nil {
		return err
	}
	wanted, version, exact := strings.Cut(name, "@")
	for _, one := range all { // a damaged one too: that is how to get rid of it
		if one.Name != wanted || exact && one.Version != version {
			continue
		}
		if err := engine.RemoveImages(ctx, a.Providers, cache, a.log(), one.Digest); err != nil {
			return err
		}
	}
	return store.Remove(name)
}
