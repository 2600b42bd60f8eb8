package backend

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gomlx/go-xla/installer"
)

// testedVersion is the version of the plugin that go-xla is tested with: pjrt.DefaultCPUVersion, which cannot be had
// without cgo.
const testedVersion = "v0.114.0"

// release is GoMLX's own build of the CPU plugin, from the page that go-xla's installer uses. The installer itself has no
// limits of time, compares no checksum and draws on the terminal, even when told to be quiet.
type release struct {
	files string // URL of the releases' files, without a slash at the end
	about string // URL of what the host says about releases, by tag
}

var gomlxRelease = release{
	files: "https://github.com/" + installer.BinaryCPUReleasesRepo + "/releases/download",
	about: "https://api.github.com/repos/" + installer.BinaryCPUReleasesRepo + "/releases/tags",
}

func (release) name() string {
	return "GoMLX's releases, whose host vouches for them; this project pins none of them"
}

func (s release) fetch(folder string) error {
	extension, unpack := ".tar.gz", installer.Untar
	if runtime.GOOS == "windows" {
		extension, unpack = ".zip", installer.Unzip
	}
	temp, err := os.MkdirTemp(folder, partPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	name := fmt.Sprintf("pjrt_cpu_%s_%s%s", runtime.GOOS, runtime.GOARCH, extension)
	want, err := s.sha256(name, temp)
	if err != nil {
		return err
	}
	archive := filepath.Join(temp, "archive"+extension)
	page := fmt.Sprintf("%s/%s/%s", s.files, testedVersion, name)
	got, err := download(page, archive)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s has the sha256 %s, want %s", page, got, want)
	}
	contents := filepath.Join(temp, "contents")
	if err := os.Mkdir(contents, 0o755); err != nil {
		return err
	}
	files, err := unpack(archive, contents)
	if err != nil {
		return err
	}
	for _, file := range files {
		base := filepath.Base(file)
		info, err := os.Lstat(file)
		if err == nil && info.Mode().IsRegular() && strings.HasPrefix(base, "pjrt_c_api_cpu_") && pluginFile.MatchString(base) {
			return publish(file, filepath.Join(folder, base))
		}
	}
	return fmt.Errorf("%s holds no plugin", page)
}

// sha256 returns the checksum, in hexadecimal, of a file of the release, as the host took it when the file was published: a
// file without is refused. The answer goes through a file in temp.
func (s release) sha256(name, temp string) (string, error) {
	page, answer := s.about+"/"+testedVersion, filepath.Join(temp, "release.json")
	if _, err := download(page, answer); err != nil {
		return "", err
	}
	text, err := os.ReadFile(answer)
	if err != nil {
		return "", err
	}
	var about struct {
		Assets []struct{ Name, Digest string }
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return "", fmt.Errorf("%s: %w", page, err)
	}
	for _, asset := range about.Assets {
		if sum, ok := strings.CutPrefix(asset.Digest, "sha256:"); ok && asset.Name == name {
			return sum, nil
		}
	}
	return "", fmt.Errorf("%s has no sha256 of %s", page, name)
}

// download gets a file and returns its sha256 in hexadecimal. A server that can't be reached, or does not answer, fails within
// seconds.
func download(from, to string) (sum string, err error) {
	ctx, cancel := background(longestDownload)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 10 * time.Second,
	}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return "", unreachable(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", from, response.Status)
	}
	f, err := os.Create(to)
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, digest), response.Body)
	if err == nil && response.ContentLength >= 0 && n != response.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", from, err)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// unreachable shortens the error of a request: without a network, a reader sees this in every cell.
func unreachable(err error) error {
	var request *url.Error
	if !errors.As(err, &request) {
		return err
	}
	host := request.URL
	if u, parseErr := url.Parse(request.URL); parseErr == nil {
		host = u.Host
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		return fmt.Errorf("%s cannot be reached", host)
	}
	return fmt.Errorf("%s: %w", host, request.Err)
}
