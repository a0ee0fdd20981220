//! The kernels as bars, as a small SVG file: how many times as long Cranelift's code takes as JavaScriptCore's.

use std::fmt::Write as _;

use crate::report::Report;

const WIDTH: f64 = 720.0;
/// Where the bars begin, and where the longest may end.
const LEFT: f64 = 130.0;
const RIGHT: f64 = 660.0;
const TOP: f64 = 50.0;
const BAR: f64 = 22.0;
/// Colours that the colour-blind can tell apart (Okabe and Ito): where JavaScriptCore is quicker, and where it is not.
const COLOURS: [&str; 2] = ["#0072b2", "#d55e00"];

pub(crate) fn svg(report: &Report) -> String {
    let bars: Vec<_> = report.ratios().map(|(row, ratio)| (row.name.clone(), ratio)).collect();
    let bars: Vec<_> = bars.into_iter().chain([("geometric mean".to_owned(), report.mean_ratio())]).collect();
    let longest = bars.iter().map(|bar| bar.1).fold(1.25, f64::max).ceil();
    let x = |ratio: f64| LEFT + (RIGHT - LEFT) * ratio / longest;
    let bottom = TOP + BAR * bars.len() as f64;
    let height = bottom + 40.0;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">"#
    );
    let _ = writeln!(svg, r##"<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>"##);
    let title = "Time of Cranelift's code / time of JavaScriptCore's; over 1, JavaScriptCore is quicker";
    let _ = writeln!(svg, r#"<text x="20" y="28" font-size="14">{title}</text>"#);
    for tick in 0..=(longest * 2.0) as u32 {
        let ratio = f64::from(tick) / 2.0;
        let (at, colour) = (x(ratio), if tick == 2 { "#000000" } else { "#dddddd" });
        let _ = writeln!(svg, r#"<line x1="{at:.1}" x2="{at:.1}" y1="{TOP}" y2="{bottom}" stroke="{colour}"/>"#);
        let _ = writeln!(svg, r#"<text x="{at:.1}" y="{}" text-anchor="middle">{ratio}</text>"#, bottom + 16.0);
    }
    for (i, (name, ratio)) in bars.iter().enumerate() {
        let y = TOP + BAR * i as f64;
        let colour = if *ratio >= 1.0 { COLOURS[0] } else { COLOURS[1] };
        let (middle, end, width) = (y + 15.0, x(*ratio), x(*ratio) - LEFT);
        let _ = writeln!(svg, r#"<text x="{}" y="{middle}" text-anchor="end">{name}</text>"#, LEFT - 6.0);
        let _ = writeln!(
            svg,
            r#"<rect x="{LEFT}" y="{}" width="{width:.1}" height="{}" fill="{colour}" fill-opacity="0.8"/>"#,
            y + 3.0,
            BAR - 6.0
        );
        let _ = writeln!(svg, r#"<text x="{}" y="{middle}">{ratio:.2}</text>"#, end + 4.0);
    }
    svg.push_str("</svg>\n");
    svg
}
