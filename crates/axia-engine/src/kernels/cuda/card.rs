//! A device, through NVIDIA's driver, and the page-locked memory that numbers reach it through.

use super::blas::Blas;
use super::blas::Matmul;
use super::compile::Architecture;
use super::compile::KernelCache;
use super::compile::SOURCES;
use super::error::CudaError;
use super::probe::{DeviceInfo, probe};
use super::queue::Launch;
use super::queue::{Argument, Queue};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, DriverError, result, sys,
};
use cudarc::nvrtc::Ptx;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The oldest cards whose matrix units know bfloat16.
const OLDEST: Architecture = Architecture { major: 8, minor: 0 };
/// Shared memory that a kernel gets without asking.
const UNASKED_SHARED: u32 = 48 << 10;

/// A card that is ready for work: one stream, its kernels, and cuBLASLt.
pub struct Card {
    info: DeviceInfo,
    functions: HashMap<&'static str, CudaFunction>,
    blas: Blas,
    staging: Mutex<Staging>,
    stream: Arc<CudaStream>,
}

impl Card {
    /// Prepares card `cuda:index`. Kernels are compiled unless `cache` has them.
    ///
    /// # Errors
    /// [`CudaError`] saying what is missing, too old, or full.
    pub fn open(index: usize, cache: &KernelCache) -> Result<Self, CudaError> {
        let devices = probe()?;
        let count = devices.len();
        let info =
            devices.into_iter().nth(index).ok_or(CudaError::NoSuchDevice { index, count })?;
        if info.capability < OLDEST {
            return Err(CudaError::TooOld { name: info.name, capability: info.capability });
        }
        let context = CudaContext::new(index).map_err(failed("open the card"))?;
        // SAFETY: all work goes to one stream, so that nothing has to wait for anything.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(failed("open a stream"))?;
        let mut functions = HashMap::new();
        for source in &SOURCES {
            let code = cache.get(source, info.capability)?;
            let module = context.load_module(Ptx::from_binary(code.0));
            let module = module.map_err(failed("load the kernels"))?;
            for &kernel in source.kernels {
                let function = module.load_function(kernel).map_err(failed("find a kernel"))?;
                functions.insert(kernel, function);
            }
        }
        let blas = Blas::new(&stream)?;
        let staging = Mutex::new(Staging::new(&stream)?);
        Ok(Self { info, functions, blas, staging, stream })
    }

    /// The card.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// Bytes of its memory that are free, and all.
    ///
    /// # Errors
    /// [`CudaError::Failed`]
    pub fn memory(&self) -> Result<(u64, u64), CudaError> {
        memory_of(&self.stream)
    }

    fn staging(&self) -> MutexGuard<'_, Staging> {
        // A poisoned lock only means that another call panicked, between two whole copies.
        self.staging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for all work, after which what is staged has been read.
    fn finish_with(&self, staging: &mut Staging) -> Result<(), CudaError> {
        self.stream.synchronize().map_err(failed("compute"))?;
        staging.clear();
        Ok(())
    }

    /// Makes this thread's calls go to the card.
    fn bind(&self) -> Result<(), CudaError> {
        self.stream.context().bind_to_thread().map_err(failed("turn to this thread"))
    }
}

/// For `map_err`: says what was tried.
pub(super) fn failed(action: &'static str) -> impl Fn(DriverError) -> CudaError {
    move |error| CudaError::Failed { action, problem: format!("{:?}", error.0) }
}

/// Bytes of a card's memory that are free, and all.
fn memory_of(stream: &CudaStream) -> Result<(u64, u64), CudaError> {
    let (free, total) = stream.context().mem_get_info().map_err(failed("tell its memory"))?;
    Ok((free as u64, total as u64))
}

/// Takes `bytes` of a card's memory, whose contents are unspecified.
pub(super) fn set_aside(
    stream: &Arc<CudaStream>,
    bytes: usize,
) -> Result<CudaSlice<u8>, CudaError> {
    // SAFETY: contents are unspecified by contract. A piece of no bytes is refused by drivers.
    unsafe { stream.alloc::<u8>(bytes.max(1)) }.map_err(|error| {
        if error.0 == sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY {
            let (free, total) = memory_of(stream).unwrap_or_default();
            CudaError::OutOfMemory { wanted: bytes as u64, free, total }
        } else {
            failed("set memory aside")(error)
        }
    })
}

/// A piece of a card's memory.
pub struct CardMemory(CudaSlice<u8>);

impl Drop for CardMemory {
    fn drop(&mut self) {
        // Giving memory back, which comes next, is a call like others. Where the card has failed,
        // nothing can be done about it.
        let _ = self.0.context().bind_to_thread();
    }
}

/// Where a piece of memory begins.
fn address(CardMemory(memory): &CardMemory) -> u64 {
    memory.device_ptr(memory.stream()).0
}

/// An error unless `wanted` bytes lie in `memory`.
fn check_bytes(memory: &CardMemory, wanted: usize) -> Result<(), CudaError> {
    let found = memory.0.len();
    if wanted <= found {
        Ok(())
    } else {
        Err(CudaError::Length { what: "a piece of the card's memory", found, wanted })
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // Giving back the card's own memory, which comes next, is a call like others.
        let _ = self.bind();
    }
}

impl Queue for Card {
    type Memory = CardMemory;

    fn allocate(&self, bytes: usize) -> Result<CardMemory, CudaError> {
        set_aside(&self.stream, bytes).map(CardMemory)
    }

    fn address(memory: &CardMemory) -> u64 {
        address(memory)
    }

    fn size(memory: &CardMemory) -> usize {
        memory.0.len()
    }

    fn free_memory(&self) -> Option<u64> {
        // What was given back counts as free once the work before it has been waited for.
        self.finish().ok()?;
        self.memory().ok().map(|(free, _)| free)
    }

    fn upload(&self, data: &[u8], memory: &mut CardMemory, offset: usize) -> Result<(), CudaError> {
        check_bytes(memory, offset.saturating_add(data.len()))?;
        self.bind()?;
        let mut to = address(memory) + offset as u64;
        let mut left = data;
        let mut staging = self.staging();
        while !left.is_empty() {
            let part = staging.put(left);
            let len = part.len();
            // SAFETY: the bytes lie in the memory, and `part` stays as it is until all work is done.
            unsafe { result::memcpy_htod_async(to, part, self.stream.cu_stream()) }
                .map_err(failed("take numbers in"))?;
            to += len as u64;
            left = &left[len..];
            if !left.is_empty() {
                self.finish_with(&mut staging)?;
            }
        }
        Ok(())
    }

    fn download(&self, memory: &CardMemory, data: &mut [u8]) -> Result<(), CudaError> {
        check_bytes(memory, data.len())?;
        self.bind()?;
        // SAFETY: the bytes lie in the memory, and are waited for.
        unsafe { result::memcpy_dtoh_async(data, address(memory), self.stream.cu_stream()) }
            .map_err(failed("give numbers out"))?;
        self.finish()
    }

    fn finish(&self) -> Result<(), CudaError> {
        self.finish_with(&mut self.staging())
    }

    fn clear(&self, memory: &mut CardMemory, bytes: usize) -> Result<(), CudaError> {
        check_bytes(memory, bytes)?;
        self.bind()?;
        // SAFETY: the bytes lie in the memory.
        unsafe { result::memset_d8_async(address(memory), 0, bytes, self.stream.cu_stream()) }
            .map_err(failed("clear memory"))
    }

    fn copy(&self, from: &CardMemory, to: &mut CardMemory, bytes: usize) -> Result<(), CudaError> {
        check_bytes(from, bytes)?;
        check_bytes(to, bytes)?;
        self.bind()?;
        let (from, to) = (address(from), address(to));
        // SAFETY: the bytes lie in both pieces of memory.
        unsafe { result::memcpy_dtod_async(to, from, bytes, self.stream.cu_stream()) }
            .map_err(failed("copy memory"))
    }

    unsafe fn launch(
        &self,
        kernel: &'static str,
        launch: Launch,
        arguments: &[Argument],
    ) -> Result<(), CudaError> {
        let Some(function) = self.functions.get(kernel) else {
            let problem = format!("there is no kernel `{kernel}`");
            return Err(CudaError::Failed { action: "find a kernel", problem });
        };
        self.bind()?;
        if launch.shared > UNASKED_SHARED {
            let attribute =
                sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            function
                .set_attribute(attribute, launch.shared as i32)
                .map_err(failed("set shared memory aside"))?;
        }
        let bits: Vec<u64> = arguments.iter().map(|argument| argument.bits()).collect();
        let mut pointers: Vec<_> =
            bits.iter().map(|bits| std::ptr::from_ref(bits).cast_mut().cast()).collect();
        let [x, y, z] = launch.grid;
        // SAFETY: the caller's. The driver reads as many bytes behind each pointer as the kernel's
        // parameter has, which are the first ones on a little-endian machine.
        unsafe {
            result::launch_kernel(
                function.cu_function(),
                (x, y, z),
                (launch.block, 1, 1),
                launch.shared,
                self.stream.cu_stream(),
                &mut pointers,
            )
        }
        .map_err(|error| CudaError::Failed {
            action: "start a kernel",
            problem: format!("{kernel}: {:?}", error.0),
        })
    }

    unsafe fn multiply(&self, product: &Matmul) -> Result<(), CudaError> {
        self.bind()?;
        // SAFETY: the caller's.
        unsafe { self.blas.multiply(product, &self.stream) }
    }
}

// Page-locked memory that numbers go through on their way to a card.
//
// A card reads what it is given when it comes to it. Of other memory the driver usually makes a copy
// first, but on machines whose cards can read all of the host's memory it need not; then a caller
// that goes on to overwrite its numbers would change what arrives.

/// Bytes set aside: several blocks of a weight.
const SIZE: usize = 64 << 20;

/// Page-locked memory that fills up until the card has done all work.
pub(super) struct Staging {
    start: *mut u8,
    used: usize,
    stream: Arc<CudaStream>,
}

// SAFETY: the memory belongs to this alone.
unsafe impl Send for Staging {}

impl Staging {
    /// Sets the memory aside, for work on `stream`.
    pub fn new(stream: &Arc<CudaStream>) -> Result<Self, CudaError> {
        stream.context().bind_to_thread().map_err(failed("turn to this thread"))?;
        // SAFETY: memory of the host, locked, and not written by the card.
        let start = unsafe { result::malloc_host(SIZE, 0) };
        let start = start.map_err(failed("lock memory of the host"))?.cast();
        Ok(Self { start, used: 0, stream: Arc::clone(stream) })
    }

    /// Copies as much of `data` as there is room for, and says where it lies until
    /// [`Self::clear`] is called.
    pub fn put(&mut self, data: &[u8]) -> &[u8] {
        let len = data.len().min(SIZE - self.used);
        // SAFETY: the memory is `SIZE` bytes long, and what is used of it is left alone.
        let place = unsafe { std::slice::from_raw_parts_mut(self.start.add(self.used), len) };
        place.copy_from_slice(&data[..len]);
        self.used += len;
        place
    }

    /// All that was put here has been read.
    pub fn clear(&mut self) {
        self.used = 0;
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What still reads the memory is waited for. Where the card has failed, nothing does, and
        // nothing can be done about memory that does not go away.
        let _ = self.stream.synchronize();
        // SAFETY: the memory was set aside by `new`, and is given back once.
        let _ = unsafe { result::free_host(self.start.cast()) };
    }
}
