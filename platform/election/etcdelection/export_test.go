package etcdelection

// First returns the instance that ranks before all others for group.
func First(group string, instances ...string) string {
	v := newView(Config{})
	for _, instance := range instances {
		v.members[instance] = member{memberRecord: memberRecord{Incarnation: instance}, lease: 1}
	}
	first, _, _ := v.first(group, nil)
	return first
}
