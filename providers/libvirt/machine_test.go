package libvirt

import (
	"errors"
	"testing"

	"github.com/colabo/colabo/providers"
)

func TestCreateInspectDestroy(t *testing.T) {
	p := openLibvirt(t)
	ctx := t.Context()
	project := "lvone" + nonceHex()
	image := emptyImage(t)
	removeImage(t, p, image)
	purge(t, p, project)
	spec := testSpec(image, project, "web")
	if err := p.Create(ctx, spec, func(text string) { t.Log(text) }); err != nil {
		t.Fatal(err)
	}
	status, err := p.Inspect(ctx, spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	if status.State != providers.Stopped || status.Address == "" || status.Digest != spec.Digest {
		t.Errorf("got %+v", status)
	}
	if err := p.Destroy(ctx, spec.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Inspect(ctx, spec.ID); !errors.Is(err, providers.ErrNotFound) {
		t.Errorf("after Destroy Inspect returned %v", err)
	}
}
