package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"
)

// endpoint finds the engine: configured, $DOCKER_HOST (with $DOCKER_CERT_PATH and $DOCKER_TLS_VERIFY), the docker
// command's current context, else the system's socket.
func endpoint(configured string) ([]client.Opt, error) {
	options := []client.Opt{client.WithUserAgent("colabo"), client.WithAPIVersionFromEnv()}
	if configured != "" {
		return withHost(options, configured)
	}
	if host := os.Getenv(client.EnvOverrideHost); host != "" {
		return withHost(append(options, client.WithTLSClientConfigFromEnv()), host)
	}
	folder := configFolder()
	if folder == "" {
		return options, nil
	}
	context, err := currentContext(folder)
	if err != nil || context == "" || context == "default" {
		return options, err
	}
	host, certificates, err := readContext(folder, context)
	if err != nil {
		return nil, fmt.Errorf("docker context %q: %w", context, err)
	}
	if certificates != "" {
		file := func(name string) string { return filepath.Join(certificates, name) }
		options = append(options, client.WithTLSClientConfig(file("ca.pem"), file("cert.pem"), file("key.pem")))
	}
	return withHost(options, host)
}

// withHost adds the engine's address, which the library must be able to speak to.
func withHost(options []client.Opt, host string) ([]client.Opt, error) {
	if strings.HasPrefix(host, "ssh://") {
		return nil, fmt.Errorf("%s: engines behind ssh can't be used; forward the engine's socket and name that", host)
	}
	return append(options, client.WithHost(host)), nil
}

// configFolder is the docker command's folder of settings; "" for a user without a home.
func configFolder() string {
	if folder := os.Getenv("DOCKER_CONFIG"); folder != "" {
		return folder
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".docker")
}

// currentContext is the name of the context in use; "" where none was chosen.
func currentContext(folder string) (string, error) {
	if name := os.Getenv("DOCKER_CONTEXT"); name != "" {
		return name, nil
	}
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	err := readJSON(filepath.Join(folder, "config.json"), &config)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return config.CurrentContext, err
}

// readContext returns a context's address and the folder of its certificates, "" where it has none.
func readContext(folder, name string) (host, certificates string, err error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if err := readJSON(filepath.Join(folder, "contexts", "meta", id, "meta.json"), &meta); err != nil {
		return "", "", err
	}
	host = meta.Endpoints["docker"].Host
	if host == "" {
		return "", "", errors.New("it names no docker engine")
	}
	certificates = filepath.Join(folder, "contexts", "tls", id, "docker")
	if _, err := os.Stat(certificates); err != nil {
		certificates = ""
	}
	return host, certificates, nil
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
