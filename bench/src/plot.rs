//! Growth: cost per operation against size, both logarithmic, as small SVG files.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};

use crate::{op::Op, report::Row};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Left, top, right, bottom of the drawing area.
const AREA: [f64; 4] = [70.0, 40.0, 500.0, 350.0];
/// Colours that the colour-blind can tell apart (Okabe and Ito).
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#000000", "#cc79a7", "#e69f00", "#56b4e9", "#999999"];

struct Plot {
    file: &'static str,
    title: &'static str,
    takes: fn(Op) -> bool,
}

const PLOTS: &[Plot] = &[
    Plot { file: "readdir.svg", title: "readdir: ns per entry", takes: |op| matches!(op, Op::Readdir(_)) },
    Plot { file: "stat.svg", title: "stat of one file: ns", takes: |op| matches!(op, Op::StatAmong(_)) },
    Plot {
        file: "create.svg",
        title: "create+close+unlink of one file: ns",
        takes: |op| matches!(op, Op::CreateAmong(_)),
    },
    Plot { file: "fork.svg", title: "fork, and drop of the fork: ns", takes: |op| matches!(op, Op::Fork(_)) },
    Plot { file: "fork-write.svg", title: "fork, first write, drop: ns", takes: |op| matches!(op, Op::ForkWrite(_)) },
];

/// A line: who, and cost by size.
type Series = (&'static str, Vec<(f64, f64)>);

/// Draws what the rows have enough points for, and answers the names of the files.
pub(crate) fn draw(dir: &Path, rows: &[Row]) -> Result<Vec<&'static str>> {
    fs::create_dir_all(dir)?;
    let mut drawn = Vec::new();
    for plot in PLOTS {
        let series = series(rows.iter().filter(|row| (plot.takes)(row.op)));
        if series.iter().any(|(_, points)| points.len() > 1) {
            fs::write(dir.join(plot.file), svg(plot.title, &series)).with_context(|| plot.file)?;
            drawn.push(plot.file);
        }
    }
    Ok(drawn)
}

fn series<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for row in rows {
        let Some(size) = row.op.size() else { continue };
        for (name, result) in &row.results {
            let Ok(cost) = result else { continue };
            let point = (f64::from(size), cost.median);
            match all.iter_mut().find(|(known, _)| known == name) {
                Some((_, points)) => points.push(point),
                None => all.push((name, vec![point])),
            }
        }
    }
    all
}

fn svg(title: &str, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|(_, points)| points.iter().copied());
    let decades = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        (low, high.max(low + 1))
    };
    let (x_low, x_high) = decades(&mut points().map(|p| p.0));
    let (y_low, y_high) = decades(&mut points().map(|p| p.1));
    let [left, top, right, bottom] = AREA;
    let x = |v: f64| left + (v.log10() - f64::from(x_low)) / f64::from(x_high - x_low) * (right - left);
    let y = |v: f64| bottom - (v.log10() - f64::from(y_low)) / f64::from(y_high - y_low) * (bottom - top);

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{left}\" y=\"22\" font-size=\"15\">{title}</text>\n"
    );
    for decade in x_low..=x_high {
        let at = x(10f64.powi(decade));
        let _ = writeln!(out, "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            power(decade)
        );
    }
    for decade in y_low..=y_high {
        let at = y(10f64.powi(decade));
        let _ = writeln!(out, "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 8.0,
            at + 4.0,
            power(decade)
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">files</text>",
        (left + right) / 2.0,
        bottom + 38.0
    );
    for (i, (name, points)) in series.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let line: Vec<String> = points.iter().map(|&(a, b)| format!("{:.1},{:.1}", x(a), y(b))).collect();
        let line = line.join(" ");
        let _ = writeln!(out, "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        for &(a, b) in points {
            let _ = writeln!(out, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", x(a), y(b));
        }
        let at = top + 10.0 + 20.0 * i as f64;
        let _ = writeln!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>",
            right + 20.0,
            at - 6.0
        );
        let _ = writeln!(out, "<text x=\"{}\" y=\"{at}\">{name}</text>", right + 40.0);
    }
    out + "</svg>\n"
}

/// A power of ten as people write it.
fn power(decade: i32) -> String {
    match decade {
        0..=3 => 10u32.pow(decade as u32).to_string(),
        _ => format!("10<tspan dy=\"-5\" font-size=\"9\">{decade}</tspan>"),
    }
}
