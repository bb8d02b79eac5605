//! Which cards there are.

use super::compile::{self, Architecture};
use super::error::Unusable;
use super::libraries;
use cudarc::driver::{result, sys};

/// The oldest CUDA that a driver may speak: the first whose libraries these are.
const OLDEST_DRIVER: u32 = 12_000;

/// A card that the driver sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its number: `cuda:N`.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its memory in bytes.
    pub memory: u64,
    /// Its compute capability.
    pub capability: Architecture,
}

/// Looks for cards, and for the libraries that they are used with. Nothing is set up on a card.
///
/// # Errors
/// [`Unusable`] saying why no card can be used here.
pub fn probe() -> Result<Vec<DeviceInfo>, Unusable> {
    libraries::find_driver()?;
    result::init().map_err(|error| match error.0 {
        sys::CUresult::CUDA_ERROR_NO_DEVICE => Unusable::NoDevice,
        _ => failed("start")(error),
    })?;
    let mut version = 0;
    // SAFETY: the driver is there, and writes one number.
    let asked = unsafe { sys::cuDriverGetVersion(&mut version) };
    asked.result().map_err(failed("tell its version"))?;
    let found = u32::try_from(version).unwrap_or_default();
    if found < OLDEST_DRIVER {
        let needs = "axia";
        return Err(Unusable::DriverTooOld { found, needed: OLDEST_DRIVER, needs });
    }
    let count = result::device::get_count().map_err(failed("count cards"))?;
    let devices: Vec<DeviceInfo> = (0..count).map(describe).collect::<Result<_, _>>()?;
    if devices.is_empty() {
        return Err(Unusable::NoDevice);
    }
    libraries::find_nvrtc()?;
    libraries::find_blas()?;
    let (major, _) = compile::nvrtc_version()?;
    // Within a major version, older drivers run what newer compilers give.
    if found / 1000 < major {
        let needs = "the NVRTC found here";
        return Err(Unusable::DriverTooOld { found, needed: 1000 * major, needs });
    }
    Ok(devices)
}

fn describe(index: i32) -> Result<DeviceInfo, Unusable> {
    use sys::CUdevice_attribute as Attribute;
    let device = result::device::get(index).map_err(failed("open a card"))?;
    let capability = |attribute| {
        // SAFETY: `device` comes from the driver.
        let found = unsafe { result::device::get_attribute(device, attribute) };
        found.map(|n| u32::try_from(n).unwrap_or_default()).map_err(failed("describe a card"))
    };
    // SAFETY: as above.
    let memory = unsafe { result::device::total_mem(device) }.map_err(failed("describe a card"))?;
    Ok(DeviceInfo {
        index: usize::try_from(index).unwrap_or_default(),
        name: result::device::get_name(device).map_err(failed("name a card"))?,
        memory: memory as u64,
        capability: Architecture {
            major: capability(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            minor: capability(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        },
    })
}

fn failed(action: &'static str) -> impl Fn(result::DriverError) -> Unusable {
    move |error| Unusable::Driver { action, problem: format!("{:?}", error.0) }
}
