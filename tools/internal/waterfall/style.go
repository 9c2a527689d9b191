package waterfall

// Stylesheet colours the picture. Everything is below the class of the svg element, so it can be
// part of a page's own stylesheet.
func Stylesheet() string { return stylesheet }

const stylesheet = `
.wf{font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.wf .bg{fill:#fff;stroke:#d0d7de}.wf .stripe{fill:#f6f8fa}.wf .grid{stroke:#d8dee4;stroke-width:1}
.wf text{fill:#1f2328;font-size:11px}.wf .title{font-size:17px;font-weight:600}.wf .name{font-size:13px;font-weight:500}
.wf .small{fill:#59636e}.wf .mid{text-anchor:middle}.wf .end{text-anchor:end}.wf .inbar{fill:#fff}.wf .bad{fill:#cf222e}
.wf .s0{fill:#0969da}.wf .s1{fill:#8250df}.wf .s2{fill:#1a7f37}.wf .s3{fill:#9a6700}.wf .s4{fill:#bf3989}.wf .s5{fill:#1b7c83}
.wf .err{fill:#cf222e}.wf .link{fill:none;stroke:#bc4c00;stroke-width:1.5;stroke-dasharray:4 3}.wf .dot{fill:#bc4c00}
@media (prefers-color-scheme:dark){
.wf .bg{fill:#0d1117;stroke:#3d444d}.wf .stripe{fill:#151b23}.wf .grid{stroke:#2a313c}
.wf text{fill:#f0f6fc}.wf .small{fill:#9198a1}.wf .inbar{fill:#0d1117}.wf .bad{fill:#ff7b72}
.wf .s0{fill:#4493f8}.wf .s1{fill:#ab7df8}.wf .s2{fill:#3fb950}.wf .s3{fill:#d29922}.wf .s4{fill:#db61a2}.wf .s5{fill:#39c5cf}
.wf .err{fill:#f85149}.wf .link{stroke:#f0883e}.wf .dot{fill:#f0883e}}
`
