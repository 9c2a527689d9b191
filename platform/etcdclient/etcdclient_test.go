package etcdclient_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"example.com/baton/platform/config"
	"example.com/baton/platform/etcdclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestValidate(t *testing.T) {
	t.Parallel()
	require.NoError(t, etcdclient.DefaultConfig().Validate())
	for name, c := range map[string]struct {
		change func(*etcdclient.Config)
		want   []string // keys with a problem
	}{
		"names and addresses": {func(c *etcdclient.Config) { c.Endpoints = []string{"etcd-0.etcd:2379", "10.0.0.1:2379", "[::1]:2379"} }, nil},
		"a scheme":            {func(c *etcdclient.Config) { c.Endpoints = []string{"http://etcd:2379"} }, []string{"endpoints"}},
		"a path":              {func(c *etcdclient.Config) { c.Endpoints = []string{"etcd:2379/v3"} }, []string{"endpoints"}},
		"no port":             {func(c *etcdclient.Config) { c.Endpoints = []string{"etcd", "etcd:"} }, []string{"endpoints", "endpoints"}},
		"no host":             {func(c *etcdclient.Config) { c.Endpoints = []string{":2379"} }, []string{"endpoints"}},
		"no number":           {func(c *etcdclient.Config) { c.Endpoints = []string{"etcd:client", "etcd:0", "etcd:65536", "etcd:-1"} }, []string{"endpoints", "endpoints", "endpoints", "endpoints"}},
		"empty":               {func(c *etcdclient.Config) { c.Endpoints = []string{"", " etcd:2379"} }, []string{"endpoints", "endpoints"}},
		"one bad of two":      {func(c *etcdclient.Config) { c.Endpoints = []string{"etcd:2379", "etcd"} }, []string{"endpoints"}},
		"prefix of parts":     {func(c *etcdclient.Config) { c.Prefix = "/prod/baton-2" }, nil},
		"prefix at the root":  {func(c *etcdclient.Config) { c.Prefix = "/" }, []string{"prefix"}},
		"prefix relative":     {func(c *etcdclient.Config) { c.Prefix = "baton" }, []string{"prefix"}},
		"prefix with an end":  {func(c *etcdclient.Config) { c.Prefix = "/baton/" }, []string{"prefix"}},
		"prefix doubled":      {func(c *etcdclient.Config) { c.Prefix = "//baton" }, []string{"prefix"}},
		"prefix of two lines": {func(c *etcdclient.Config) { c.Prefix = "/baton\n" }, []string{"prefix"}},
		"user alone":          {func(c *etcdclient.Config) { c.Username = "billing" }, []string{"password_file"}},
		"password alone":      {func(c *etcdclient.Config) { c.PasswordFile = "p" }, []string{"password_file"}},
		"user and password":   {func(c *etcdclient.Config) { c.Username, c.PasswordFile = "billing", "p" }, nil},
		"authority alone":     {func(c *etcdclient.Config) { c.TLS.CAFile = "ca" }, nil},
		"certificate, no key": {func(c *etcdclient.Config) { c.TLS.CAFile, c.TLS.CertFile = "ca", "cert" }, []string{"tls.key_file"}},
		"key, no certificate": {func(c *etcdclient.Config) { c.TLS.CAFile, c.TLS.KeyFile = "ca", "key" }, []string{"tls.key_file"}},
		"no authority":        {func(c *etcdclient.Config) { c.TLS.CertFile, c.TLS.KeyFile = "cert", "key" }, []string{"tls.ca_file"}},
		"everything": {func(c *etcdclient.Config) {
			*c = etcdclient.Config{Endpoints: []string{"x"}, Username: "u", TLS: etcdclient.TLS{CertFile: "c"}}
		},
			[]string{"endpoints", "prefix", "password_file", "tls.key_file", "tls.ca_file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := etcdclient.DefaultConfig()
			c.change(&cfg)
			var keys []string
			if err := cfg.Validate(); err != nil {
				joined, ok := errors.AsType[interface {
					error
					Unwrap() []error
				}](err)
				require.True(t, ok)
				for _, problem := range joined.Unwrap() {
					p, ok := errors.AsType[config.Problem](problem)
					require.True(t, ok, problem)
					keys = append(keys, p.Key)
				}
			}
			require.Equal(t, c.want, keys)
		})
	}
	require.Equal(t, "/baton/billing", etcdclient.DefaultConfig().Base("billing"))
}

func newClient(t *testing.T, cfg etcdclient.Config) error {
	t.Helper()
	client, err := etcdclient.New(cfg, noop.NewTracerProvider(), propagation.TraceContext{})
	if err == nil {
		require.NoError(t, client.Close())
	}
	return err
}

// silent returns the address of somebody who accepts and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// TestNewDoesNotWait: a service starts while etcd is away.
func TestNewDoesNotWait(t *testing.T) {
	t.Parallel()
	cfg := etcdclient.DefaultConfig()
	cfg.DialTimeout = time.Hour // would show
	for _, endpoint := range []string{silent(t), "127.0.0.1:1", "no-such-host.invalid:2379"} {
		cfg.Endpoints = []string{endpoint}
		require.NoError(t, newClient(t, cfg), endpoint)
	}
}

func TestALoginNeedsEtcd(t *testing.T) {
	t.Parallel()
	cfg := etcdclient.DefaultConfig()
	cfg.Endpoints = []string{silent(t)}
	cfg.DialTimeout = 100 * time.Millisecond
	cfg.Username, cfg.PasswordFile = "billing", file(t, "password", "hunter2\n")
	err := newClient(t, cfg)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "etcd: log in as billing at "+cfg.Endpoints[0])
	require.NotContains(t, err.Error(), "hunter2")
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	ca, cert, key := certificate(t)
	otherCert, _, _ := certificate(t)
	missing := filepath.Join(t.TempDir(), "missing")
	for name, c := range map[string]struct {
		change func(*etcdclient.Config)
		want   string
	}{
		"no password file":    {func(c *etcdclient.Config) { c.PasswordFile = missing }, "etcd: password_file: open " + missing},
		"empty password file": {func(c *etcdclient.Config) { c.PasswordFile = file(t, "p", "\r\n") }, "holds no password"},
		"no authority":        {func(c *etcdclient.Config) { c.TLS.CAFile = missing }, "etcd: tls.ca_file: open " + missing},
		"no PEM":              {func(c *etcdclient.Config) { c.TLS.CAFile = file(t, "ca", "x") }, "holds no certificate in PEM form"},
		"no certificate":      {func(c *etcdclient.Config) { c.TLS = etcdclient.TLS{CAFile: ca, CertFile: missing, KeyFile: key} }, "etcd: tls.cert_file: open " + missing},
		"no key":              {func(c *etcdclient.Config) { c.TLS = etcdclient.TLS{CAFile: ca, CertFile: cert, KeyFile: missing} }, "etcd: tls.cert_file: open " + missing},
		"key of another":      {func(c *etcdclient.Config) { c.TLS = etcdclient.TLS{CAFile: ca, CertFile: otherCert, KeyFile: key} }, "etcd: tls.cert_file: tls: private key does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := etcdclient.DefaultConfig()
			cfg.Username = "billing"
			c.change(&cfg)
			require.ErrorContains(t, newClient(t, cfg), c.want)
		})
	}
	cfg := etcdclient.DefaultConfig()
	cfg.TLS = etcdclient.TLS{CAFile: ca, CertFile: cert, KeyFile: key}
	require.NoError(t, newClient(t, cfg))
}

// certificate writes a certificate that signs itself, and its key.
func certificate(t *testing.T) (ca, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "billing"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	cert = file(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key = file(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})))
	return cert, cert, key
}
