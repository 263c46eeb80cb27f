// What a picture of a timeline looks like: shapes, colours, and how they are called in words.
//
// Every state differs from the others by its height, stripes or dots, so that no colour is needed
// to tell them apart. The colours are blue, orange, yellow and grey, which the usual kinds of
// colour blindness leave different, and each stands out from its background by at least 3:1, text
// by at least 4.5:1 (WCAG 2.2, 1.4.3 and 1.4.11). A test computes that from this very text.
//
// Classes have no variables and no nested rules: there are viewers that know only the simple kind
// of CSS, and these shall at least show the light picture.
#pragma once

#include <array>

namespace simul::trace {

/// How a state is drawn and spoken of. Heights and offsets are parts of the bar's height.
struct Style {
  char letter;          ///< its class in the style sheet
  double height;        ///< how much of the bar it fills
  double offset;        ///< how far below the bar's top it begins
  double least;         ///< pixels: so wide is it at least
  const char* meaning;  ///< in the legend
};

/// In the order of `State`; the last one is for who waits for another.
inline constexpr std::array<Style, 5> kStyles{{
    {'r', 1.0, 0.0, 1.6, "runs"},
    {'b', 1.0, 0.0, 1.6, "blocks the thread"},
    {'y', 0.5, 0.25, 1.0, "ready"},
    {'w', 0.1875, 0.40625, 1.0, "waits for time or input"},
    {'o', 0.1875, 0.40625, 1.0, "waits for another"},
}};

/// Colours of the light and of the dark picture, the stripes of who blocks and the dots of who
/// waits for another.
inline constexpr const char* kStyleSheet = R"css(<style>
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328}
.title{font:600 15px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.all{text-anchor:end;font-weight:600}
.key,.small,.tick{fill:#57606a}
.key{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.tick{font-size:11px;text-anchor:middle}
.page{fill:#ffffff;stroke:#d0d7de}
.grid{stroke:#d8dee4;fill:none}
.r{fill:#0550ae}
.b{fill:url(#stripes)}
.bf{fill:#a8380f}
.bs{stroke:#ffd8c2;stroke-width:2}
.y{fill:#9a6700}
.w,.d{fill:#848d97}
.o{fill:url(#dots)}
.p1{opacity:.6}.p2{opacity:.75}.p3{opacity:.9}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.key,.small,.tick{fill:#9aa4af}
.page{fill:#0d1117;stroke:#30363d}
.grid{stroke:#262c34}
.r{fill:#58a6ff}
.bf{fill:#f0883e}
.bs{stroke:#5a2503}
.y{fill:#e3b341}
.w,.d{fill:#768390}
}
</style>
<defs><pattern id="stripes" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="bf" width="7" height="7"/><path class="bs" d="M1 0V7"/></pattern>
<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse"><path class="d" d="M0 0h3v6h-3z"/><path class="d" opacity=".3" d="M3 0h3v6h-3z"/></pattern></defs>
)css";

}  // namespace simul::trace
