//! Sheets of paper and what is put on them: lines of text in one of two faces, rules and bands. Knows nothing of statements.
//!
//! Texts are set glyph by glyph from left to right without shaping, which is right for Latin, Greek and Cyrillic. A letter that
//! the faces do not have is shown as an empty box. The file is PDF/A-2u: it holds its fonts, its text can be searched and
//! copied, and it will be readable in decades.

use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder, PdfVersion};
use krilla::error::KrillaError;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider as _, charmap::Charmap};

/// US Letter, in points.
pub(super) const WIDTH: f32 = 612.0;
pub(super) const HEIGHT: f32 = 792.0;

/// Shown for a letter that a face does not have, in this order.
const STAND_INS: [char; 2] = ['\u{25a1}', '?'];

/// Which face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// How dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shade {
    /// What is read.
    Ink,
    /// What is read second.
    Soft,
    /// Lines between rows.
    Hair,
    /// Behind the heads of columns.
    Band,
}

impl Shade {
    fn fill(self) -> Fill {
        let (red, green, blue) = match self {
            Self::Ink => (23, 27, 36),
            Self::Soft => (92, 99, 112),
            Self::Hair => (214, 218, 224),
            Self::Band => (242, 244, 247),
        };
        Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }
    }
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) weight: Weight,
    pub(super) shade: Shade,
}

/// What is put on a sheet; lengths in points from its upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    /// A text whose baseline begins here.
    Text { x: f32, y: f32, style: Style, text: String },
    /// A filled rectangle.
    Band { left: f32, top: f32, right: f32, bottom: f32, shade: Shade },
}

/// One sheet.
pub(super) type Sheet = Vec<Mark>;

/// Why nothing was printed.
#[derive(Debug, thiserror::Error)]
#[error("the PDF could not be made: {0}")]
pub(crate) struct Unprinted(String);

impl From<KrillaError> for Unprinted {
    fn from(error: KrillaError) -> Self {
        Self(error.to_string())
    }
}

struct Face {
    font: Font,
    letters: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    units: f32,
}

impl Face {
    fn new(data: &'static [u8]) -> Result<Self, Unprinted> {
        let unreadable = || Unprinted("a font in the program cannot be read".to_owned());
        let font = Font::new(data.into(), 0).ok_or_else(unreadable)?;
        let reference = FontRef::new(data).map_err(|_| unreadable())?;
        let metrics = reference.glyph_metrics(Size::unscaled(), LocationRef::default());
        Ok(Self { units: font.units_per_em(), letters: reference.charmap(), metrics, font })
    }

    /// The letters of a text that this face can show.
    fn shown(&self, text: &str) -> String {
        let stand_in = STAND_INS.into_iter().find(|letter| self.letters.map(*letter).is_some()).unwrap_or(' ');
        let letter = |letter: char| match letter {
            _ if letter.is_control() => ' ',
            _ if self.letters.map(letter).is_some() => letter,
            _ => stand_in,
        };
        text.chars().map(letter).collect()
    }

    fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let glyph = |(at, letter): (usize, char)| {
            let id = self.letters.map(letter).unwrap_or_default();
            let advance = self.metrics.advance_width(id).unwrap_or(0.0) / self.units;
            KrillaGlyph::new(GlyphId::new(id.to_u32()), advance, 0.0, 0.0, 0.0, at..at + letter.len_utf8(), None)
        };
        text.char_indices().map(glyph).collect()
    }
}

/// The two faces, by which texts are measured and drawn.
pub(super) struct Faces {
    regular: Face,
    bold: Face,
}

impl Faces {
    pub(super) fn new() -> Result<Self, Unprinted> {
        Ok(Self { regular: Face::new(ttf_noto_sans::REGULAR)?, bold: Face::new(ttf_noto_sans::BOLD)? })
    }

    fn of(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// How wide a text is.
    pub(super) fn width(&self, text: &str, style: Style) -> f32 {
        let face = self.of(style.weight);
        face.glyphs(&face.shown(text)).iter().map(|glyph| glyph.x_advance * style.size).sum()
    }

    /// The text, or as much of it as fits with an ellipsis.
    pub(super) fn fitted(&self, text: &str, style: Style, most: f32) -> String {
        if self.width(text, style) <= most {
            return text.to_owned();
        }
        let mut letters: Vec<char> = text.chars().collect();
        while letters.pop().is_some() {
            let cut = format!("{}…", letters.iter().collect::<String>().trim_end());
            if self.width(&cut, style) <= most {
                return cut;
            }
        }
        String::new()
    }

    fn draw(&self, surface: &mut Surface<'_>, mark: &Mark) {
        match mark {
            Mark::Text { x, y, style, text } => {
                let face = self.of(style.weight);
                let text = face.shown(text);
                surface.set_fill(Some(style.shade.fill()));
                let (start, glyphs) = (Point::from_xy(*x, *y), face.glyphs(&text));
                surface.draw_glyphs(start, &glyphs, face.font.clone(), &text, style.size, false);
            }
            Mark::Band { left, top, right, bottom, shade } => {
                let mut path = PathBuilder::new();
                if let Some(rect) = Rect::from_ltrb(*left, *top, *right, *bottom) {
                    path.push_rect(rect);
                }
                if let Some(path) = path.finish() {
                    surface.set_fill(Some(shade.fill()));
                    surface.draw_path(&path);
                }
            }
        }
    }
}

/// What the file says of itself.
pub(super) struct About {
    pub(super) title: String,
    pub(super) author: String,
    /// When it was made, in UTC.
    pub(super) made_at: jiff::civil::DateTime,
}

impl About {
    fn metadata(self) -> Metadata {
        let small = |number: i8| u8::try_from(number).unwrap_or(0);
        let at = self.made_at;
        let made = DateTime::new(u16::try_from(at.year()).unwrap_or(0))
            .month(small(at.month()))
            .day(small(at.day()))
            .hour(small(at.hour()))
            .minute(small(at.minute()))
            .second(small(at.second()))
            .utc_offset_hour(0)
            .utc_offset_minute(0);
        let about = Metadata::new().title(self.title).authors(vec![self.author]).language("en".to_owned());
        about.creator("Dripline".to_owned()).creation_date(made)
    }
}

/// Prints sheets into a PDF.
pub(super) fn print(faces: &Faces, sheets: &[Sheet], about: About) -> Result<Vec<u8>, Unprinted> {
    let kept =
        ConfigurationBuilder::new().with_version(PdfVersion::Pdf17).with_archival_validator(Archival::A2_U).finish();
    let configuration = kept.map_err(|error| Unprinted(format!("{error:?}")))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    document.set_metadata(about.metadata());
    for sheet in sheets {
        let settings =
            PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| Unprinted("the sheet has no size".to_owned()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        sheet.iter().for_each(|mark| faces.draw(&mut surface, mark));
        surface.finish();
        page.finish();
    }
    Ok(document.finish()?)
}
