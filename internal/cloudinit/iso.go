package cloudinit

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/kdomanski/iso9660"
)

// volumeLabel is the label by which cloud-init finds a NoCloud seed.
const volumeLabel = "cidata"

// ISO returns the NoCloud image for c, to be attached to the guest as a disk. Equal Configs give equal bytes.
func ISO(c Config) (image []byte, err error) {
	// Only these names survive ISO 9660 as the library writes it: others are lower-cased, cut and may collide.
	documents := []struct {
		name   string
		render func(Config) ([]byte, error)
	}{{"user-data", UserData}, {"meta-data", MetaData}, {"network-config", NetworkConfig}}

	w, err := iso9660.NewWriter()
	if err != nil {
		return nil, fmt.Errorf("make seed image: %w", err)
	}
	defer func() { err = errors.Join(err, w.Cleanup()) }()
	for _, d := range documents {
		content, err := d.render(c)
		if err != nil {
			return nil, err
		}
		if err := w.AddFile(bytes.NewReader(content), d.name); err != nil {
			return nil, fmt.Errorf("make seed image: %s: %w", d.name, err)
		}
	}
	var b bytes.Buffer
	if err := w.WriteTo(&b, volumeLabel); err != nil {
		return nil, fmt.Errorf("make seed image: %w", err)
	}
	return undated(b.Bytes())
}

// undated sets the times in the primary volume descriptor to "not specified" (ECMA-119 8.4.26.1), in place.
// The library writes the current time there and nowhere else.
func undated(image []byte) ([]byte, error) {
	const (
		descriptor = 16 * 2048        // the first volume descriptor
		creation   = descriptor + 813 // creation, modification, expiration, effective: 17 bytes each
		length     = 4 * 17
	)
	if len(image) < descriptor+2048 || string(image[descriptor:descriptor+6]) != "\x01CD001" {
		return nil, errors.New("make seed image: the primary volume descriptor is not where ISO 9660 puts it")
	}
	var none iso9660.VolumeDescriptorTimestamp
	field, err := none.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("make seed image: %w", err)
	}
	copy(image[creation:creation+length], bytes.Repeat(field, 4))
	return image, nil
}
