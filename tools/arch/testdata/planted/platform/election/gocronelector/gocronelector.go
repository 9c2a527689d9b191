// breaks: gocron's elector

package gocronelector

import _ "github.com/go-co-op/gocron/v2"
