//! Names: numbered where the program knows them, so that looking one up is an index.

use std::collections::HashMap;
use std::sync::Arc;

use super::value::Value;

/// The name of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Symbol {
    /// A name that the program's text contains.
    Known(u32),
    /// A name made while playing.
    Other(Arc<str>),
}

/// Turns names into symbols.
pub trait Resolve {
    /// The symbol of `name`.
    fn symbol(&mut self, name: &str) -> Symbol;
}

/// All names that a program's text contains.
#[derive(Debug, Default)]
pub struct Names {
    list: Vec<Arc<str>>,
    index: HashMap<Arc<str>, u32>,
    predefined: Vec<Option<Value>>,
}

impl Names {
    /// The number of names.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The symbol of `name`, without adding it.
    pub fn find(&self, name: &str) -> Symbol {
        match self.index.get(name) {
            Some(id) => Symbol::Known(*id),
            None => Symbol::Other(name.into()),
        }
    }

    /// The name of a symbol.
    pub fn name<'a>(&'a self, symbol: &'a Symbol) -> &'a str {
        match symbol {
            Symbol::Known(id) => self.list.get(*id as usize).map_or("", |name| name),
            Symbol::Other(name) => name,
        }
    }

    /// The name with a number.
    pub(crate) fn known_name(&self, id: usize) -> &str {
        self.list.get(id).map_or("", |name| name)
    }

    /// The value that a name has in every game from the start.
    pub fn predefined(&self, symbol: &Symbol) -> Option<Value> {
        match symbol {
            Symbol::Known(id) => self.predefined.get(*id as usize).cloned().flatten(),
            Symbol::Other(name) => predefined(name),
        }
    }
}

impl Resolve for Names {
    fn symbol(&mut self, name: &str) -> Symbol {
        if let Some(id) = self.index.get(name) {
            return Symbol::Known(*id);
        }
        let id = self.list.len() as u32;
        let name: Arc<str> = name.into();
        self.list.push(name.clone());
        self.predefined.push(predefined(&name));
        self.index.insert(name, id);
        Symbol::Known(id)
    }
}

impl Resolve for &Names {
    fn symbol(&mut self, name: &str) -> Symbol {
        self.find(name)
    }
}

/// Whether `name` can be a variable: a word that does not begin with a digit and is no keyword.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
        && !is_keyword(name)
}

/// Whether `name` is a keyword of the expression language.
pub(crate) fn is_keyword(name: &str) -> bool {
    matches!(
        name,
        "False"
            | "None"
            | "True"
            | "and"
            | "as"
            | "assert"
            | "async"
            | "await"
            | "break"
            | "class"
            | "continue"
            | "def"
            | "del"
            | "elif"
            | "else"
            | "except"
            | "finally"
            | "for"
            | "from"
            | "global"
            | "if"
            | "import"
            | "in"
            | "is"
            | "lambda"
            | "nonlocal"
            | "not"
            | "or"
            | "pass"
            | "raise"
            | "return"
            | "try"
            | "while"
            | "with"
            | "yield"
    )
}

/// Names that may be read but not assigned in an assignment.
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(name, "exec" | "print" | "eval" | "execfile" | "__import__" | "__package__")
}

/// What a name means before any game has set it. Games ask ChoiceScript's `choice_…` variables
/// where they run and what was bought; everything else is mathematics.
fn predefined(name: &str) -> Option<Value> {
    let number = match name {
        "e" => Some(std::f64::consts::E),
        "pi" => Some(std::f64::consts::PI),
        "inf" | "Inf" | "infty" => Some(f64::INFINITY),
        "nan" | "NAN" => Some(f64::NAN),
        _ => None,
    };
    if let Some(number) = number {
        return Some(Value::Float(number));
    }
    if let Some(flag) = name.strip_prefix("choice_") {
        let listed = |list: &str| list.split_whitespace().any(|word| word == flag);
        return match (listed(FLAGS_TRUE), listed(FLAGS_FALSE)) {
            (true, _) => Some(Value::Bool(true)),
            (_, true) => Some(Value::Bool(false)),
            _ => None,
        };
    }
    FUNCTIONS.split_whitespace().find(|known| *known == name).map(Value::Function)
}

/// `choice_…` variables that are true in the benchmark.
const FLAGS_TRUE: &str = "is_web user_restored purchased_adfree purchased_adspace \
    purchased_supported purchase_supported purchased_full purchased_usurpersoutcasts \
    purchased_secretsandshadows purchased_intrigues purchased_tildeath purchased_consort \
    purchased_lifemage purchased_juanita purchased_memphis purchased_stlouis";

/// `choice_…` variables that are false in the benchmark.
const FLAGS_FALSE: &str = "is_steam is_omnibus_app is_ios_app save_allowed subscribe_allowed \
    randomtest quicktest prerelease nightmode is_advertising_supported is_trial purchased_cheats \
    purchased_hints purchased_seal purchased_legendguide purchased_warningsys \
    purchased_extraworning purchased_youpower purchased_warningsysnine purchased_commentary \
    purchased_characterdatabase purchased_fatedbabel purchased_loveandshadows \
    purchased_motivationboost";

/// Functions, types and modules that the benchmark's evaluator knows by name, so that a misspelt
/// variable of that name is not an error there. [`super::functions`] can call the ones that make
/// sense in a game.
const FUNCTIONS: &str = "\
ArithmeticError AssertionError AttributeError BaseException BufferError BytesWarning \
DeprecationWarning EOFError EnvironmentError Exception FloatingPointError GeneratorExit IOError \
ImportError ImportWarning IndentationError IndexError KeyError KeyboardInterrupt LookupError \
MemoryError NameError NotImplementedError OSError OverflowError ReferenceError RuntimeError \
RuntimeWarning StopIteration SyntaxError SyntaxWarning SystemError SystemExit TypeError \
UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError \
UnicodeWarning ValueError Warning ZeroDivisionError \
abs all any bin bool bytearray bytes chr complex dict dir divmod enumerate filter float format \
frozenset hash hex id int isinstance len list map max min oct open ord pow print range repr \
reversed round round_to_int set slice sorted str sum tuple type zip \
acos acosh asin asinh atan atan2 atanh ceil copysign cos cosh degrees exp fabs factorial floor \
fmod frexp fsum hypot isinf isnan ldexp log log10 log1p modf radians sin sinh sqrt tan tanh trunc \
add amax amin angle append arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax \
argmin argsort argwhere around array array2string asanyarray asarray asarray_chkfinite \
ascontiguousarray asfarray asfortranarray asmatrix atleast_1d atleast_2d atleast_3d average \
bartlett base_repr bitwise_and bitwise_not bitwise_or bitwise_xor blackman broadcast \
broadcast_arrays byte c_ cdouble cfloat chararray choose clip clongdouble clongfloat column_stack \
common_type complex128 complex64 complex_ complexfloating compress concatenate conjugate convolve \
copy corrcoef correlate cov cross csingle cumprod cumsum datetime_data deg2rad delete diag \
diag_indices diag_indices_from diagflat diagonal diff digitize divide dot double dsplit dtype \
ediff1d empty empty_like equal exp2 expand_dims expm1 extract eye fill_diagonal finfo fix flatiter \
flatnonzero fliplr flipud float32 float64 float_ floating floor_divide fmax fmin format_parser \
frombuffer fromfile fromfunction fromiter frompyfunc fromregex fromstring genfromtxt getbufsize \
geterr gradient greater greater_equal hamming hanning histogram histogram2d histogramdd hsplit \
hstack i0 identity iinfo imag in1d index_exp indices inexact info inner insert int16 int32 int64 \
int8 int_ intc integer interp intersect1d intp invert iscomplex iscomplexobj isfinite isfortran \
isneginf isposinf isreal isrealobj isscalar issctype iterable ix_ kaiser kron left_shift less \
less_equal linspace little_endian ln load loadtxt log2 logaddexp logaddexp2 logical_and \
logical_not logical_or logical_xor logspace longcomplex longdouble longfloat longlong mask_indices \
mat matrix maximum maximum_sctype may_share_memory mean median memmap meshgrid mgrid minimum \
mintypecode mod msort multiply nan_to_num nanargmax nanargmin nanmax nanmin nansum ndarray \
ndenumerate ndim ndindex negative newaxis nextafter nonzero not_equal number obj2sctype ogrid ones \
ones_like outer packbits percentile piecewise place poly poly1d polyadd polyder polydiv polyfit \
polyint polymul polysub polyval power prod product ptp put putmask r_ rad2deg ravel real \
real_if_close reciprocal record remainder repeat reshape resize right_shift rint roll rollaxis \
roots rot90 round_ row_stack s_ sctype2char searchsorted select setbufsize setdiff1d seterr \
setxor1d shape short sign signbit signedinteger sinc single singlecomplex size sometrue sort \
sort_complex spacing split square squeeze std str_ subtract swapaxes take tensordot tile trace \
transpose trapz tri tril tril_indices tril_indices_from trim_zeros triu triu_indices \
triu_indices_from true_divide ubyte uint uint16 uint32 uint64 uint8 uintc uintp ulonglong union1d \
unique unravel_index unsignedinteger unwrap ushort vander var vdot vectorize vsplit vstack where \
who zeros zeros_like fft linalg polynomial random";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut names = Names::default();
        let coin = names.symbol("coin");
        assert_eq!(names.symbol("coin"), coin);
        assert_eq!(names.find("coin"), coin);
        assert_eq!(names.name(&coin), "coin");
        let other = names.find("later");
        assert_eq!(other, Symbol::Other("later".into()));
        assert_eq!(names.name(&other), "later");
    }

    #[test]
    fn some_names_mean_something_from_the_start() {
        let names = Names::default();
        let value = |name: &str| names.predefined(&names.find(name)).map(|value| value.printed());
        assert_eq!(value("pi").as_deref(), Some("3.141592653589793"));
        assert_eq!(value("choice_is_web").as_deref(), Some("True"));
        assert_eq!(value("choice_purchased_cheats").as_deref(), Some("False"));
        assert_eq!(value("exp").as_deref(), Some("<function exp>"));
        assert_eq!(value("choice_unheard_of"), None);
        assert_eq!(value("coin"), None);
    }
}
