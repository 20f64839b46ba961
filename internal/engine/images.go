package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/colabo/colabo/providers"
)

// RemoveImages has every provider that is usable here remove its own copy of a box. A copy in use is an error.
func RemoveImages(ctx context.Context, kinds []providers.Kind, cacheDir string, log *slog.Logger, digest string) error {
	var problems []error
	for _, kind := range kinds {
		if err := removeImage(ctx, kind, providers.Config{CacheDir: cacheDir, Log: log}, digest); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", kind.Name, err))
		}
	}
	return errors.Join(problems...)
}

func removeImage(ctx context.Context, kind providers.Kind, config providers.Config, digest string) error {
	provider, err := kind.Open(ctx, config)
	if errors.Is(err, providers.ErrUnavailable) {
		config.Log.Debug("box not looked for", "provider", kind.Name, "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer provider.Close()
	remover, ok := providers.As[providers.ImageRemover](provider)
	if !ok {
		return nil
	}
	err = remover.RemoveImage(ctx, digest)
	if errors.Is(err, providers.ErrUnavailable) {
		return nil
	}
	return err
}
