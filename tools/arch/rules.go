package arch

// anything matches every import.
var anything = []string{"**"}

// testLibraries are what tests may use anywhere.
var testLibraries = []string{"github.com/stretchr/testify/**", "go.uber.org/goleak", "github.com/golang/mock/gomock"}

// Rules are the import rules of this repository.
var Rules = []Rule{
	{
		Name:    "domain",
		Why:     "the rules of a business outlive every technology; they can be read and tested with nothing else",
		From:    []string{"services/{svc}/internal/domain/**"},
		To:      anything,
		Allow:   []string{"std/**", "services/{svc}/internal/domain/**"},
		InTests: testLibraries,
	},
	{
		Name: "domain has no io",
		Why:  "a domain that opens files, connections or processes cannot be tested by calling it",
		From: []string{"services/{svc}/internal/domain/**"},
		To:   []string{"std/net/**", "std/os/**", "std/database/**", "std/log/**", "std/syscall/**"},
		Allow: []string{
			"std/net/netip", "std/net/mail", "std/net/url", // values, no connections
		},
		InTests: anything,
	},
	{
		Name:    "app",
		Why:     "use cases speak to the world through their ports, so that the same use case runs over any adapter",
		From:    []string{"services/{svc}/internal/app/**"},
		Except:  []string{"services/{svc}/internal/app/mocks"},
		To:      anything,
		Allow:   []string{"std/**", "services/{svc}/internal/app/**", "services/{svc}/internal/domain/**"},
		InTests: testLibraries,
	},
	{
		Name: "app mocks",
		Why:  "mocks of the ports are generated and know the ports and gomock",
		From: []string{"services/{svc}/internal/app/mocks"},
		To:   anything,
		Allow: []string{
			"std/**", "services/{svc}/internal/app", "services/{svc}/internal/domain/**", "github.com/golang/mock/gomock",
		},
	},
	{
		Name:    "mocks in tests only",
		Why:     "a mock in a running service answers what its test expected",
		From:    []string{"services/**"},
		To:      []string{"services/{svc}/internal/app/mocks"},
		InTests: anything,
	},
	{
		Name: "adapter",
		Why:  "an adapter that knows another adapter cannot be replaced alone; wiring joins them",
		From: []string{"services/{svc}/internal/adapter/{tech}/**"},
		To:   []string{"services/**", "platform/**/*fx", "tools/**"},
		Allow: []string{
			"services/{svc}/internal/app/**", "services/{svc}/internal/domain/**", "services/{svc}/internal/adapter/{tech}/**",
		},
	},
	{
		Name:  "services apart",
		Why:   "services meet over HTTP; an import would make two services one program with two owners",
		From:  []string{"services/{svc}/**"},
		To:    []string{"services/**"},
		Allow: []string{"services/{svc}/**"},
	},
	{
		Name: "platform below services",
		Why:  "what many services share cannot depend on one of them",
		From: []string{"platform/**", "pkg/**"},
		To:   []string{"services/**", "tools/**"},
	},
	{
		Name:    "pkg",
		Why:     "the leaves are for everybody, so they cost nobody a dependency",
		From:    []string{"pkg/**"},
		To:      anything,
		Allow:   []string{"std/**", "pkg/**"},
		InTests: testLibraries,
	},
	{
		Name:    "election port",
		Why:     "a port that knows an adapter's library is that library under another name",
		From:    []string{"platform/election", "platform/election/internal/proof"},
		To:      anything,
		Allow:   []string{"std/**", "pkg/**", "platform/election"},
		InTests: anything,
	},
	{
		Name:    "scheduling port",
		Why:     "a port that knows an adapter's library is that library under another name",
		From:    []string{"platform/scheduling"},
		To:      anything,
		Allow:   []string{"std/**", "pkg/**", "platform/election", "platform/scheduling"},
		InTests: anything,
	},
	{
		Name:    "identity",
		Why:     "who a process is is known to every package, so it knows none",
		From:    []string{"platform/identity"},
		To:      anything,
		Allow:   []string{"std/**", "platform/identity"},
		InTests: testLibraries,
	},
	{
		Name: "fx at the edge",
		Why:  "a package that needs a container to be built is hard to use and to test without one",
		From: []string{"**"},
		Except: []string{
			"platform/**/*fx", "services/{svc}/internal/wiring", "services/{svc}/cmd/*",
		},
		To:       []string{"go.uber.org/fx/**", "go.uber.org/dig/**"},
		Optional: []string{"services/{svc}/cmd/*"}, // platformfx.Main is usually enough
	},
	{
		Name: "etcd",
		Why:  "etcd is one way to elect and to remember; the rest of the platform knows the ports",
		From: []string{"**"},
		Except: []string{
			"platform/election/etcdelection", "platform/election/pathelection", "platform/election/internal/etcdlease",
			"platform/election/gocronelector", // its users hand it a client, as they did to the library it replaces
			"platform/scheduling/etcdledger", "platform/fencing/etcdfence",
			"platform/etcdclient", "platform/etcdtest", "tools/**",
		},
		To: []string{"go.etcd.io/**"},
		Optional: []string{
			"platform/election/pathelection", "platform/election/internal/etcdlease", "platform/fencing/etcdfence",
		},
	},
	{
		Name:   "etcd server",
		Why:    "an embedded server is for tests and laptops; it would double a service's binary",
		From:   []string{"**"},
		Except: []string{"platform/etcdtest", "tools/internal/etcdlocal"},
		To:     []string{"go.etcd.io/etcd/server/**"},
	},
	{
		Name:   "gocron",
		Why:    "gocron keeps the time inside one term of leadership; jobs are written against the port",
		From:   []string{"**"},
		Except: []string{"platform/scheduling/gocronsched", "platform/election/gocronelector"},
		To:     []string{"github.com/go-co-op/gocron/**"},
	},
	{
		Name:    "gocron's elector",
		Why:     "an elector has the method gocron asks for; only its tests have to see gocron ask",
		From:    []string{"platform/election/gocronelector"},
		To:      []string{"github.com/go-co-op/gocron/**"},
		InTests: anything,
	},
	{
		Name:    "test packages",
		Why:     "contract suites, fakes and the embedded etcd belong in tests, not in binaries",
		From:    []string{"**"},
		Except:  []string{"**/*test"},
		To:      []string{"platform/**/*test", "std/testing/**", "github.com/stretchr/testify/**", "go.uber.org/goleak"},
		InTests: anything,
	},
}

// vague are package names that say nothing about what is inside, and so take in everything.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "base", "lib", "types"}
