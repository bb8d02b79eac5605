//! A queue on the host: kernels run through the shim, products by their definition.

use super::host_build::kernel_library;
use super::{skipped, stand_in};
use axia_engine::kernels::cuda::{
    Argument, ColumnMajorOperand, CudaError, CudaKernels, Element, Launch, Matmul, Precision, Queue,
};
use std::alloc::{Layout, alloc, dealloc};
use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes behind every piece of memory that nobody may write to.
const GUARD: usize = 256;
/// What new memory is filled with: NaN, as f32, bf16 and f64.
const UNWRITTEN: u8 = 0xff;
const UNTOUCHED: u8 = 0xa5;

type ShimLaunch = unsafe extern "C" fn(
    name: *const c_char,
    grid: *const u32,
    threads: u32,
    shared: u32,
    order: i32,
    arguments: usize,
    from: *const *const c_void,
) -> *const c_char;

/// The kernels, compiled for the host; the shim runs one at a time.
static SHIM: OnceLock<Result<Mutex<libloading::Library>, String>> = OnceLock::new();

fn shim() -> Result<&'static Mutex<libloading::Library>, &'static str> {
    let built = SHIM.get_or_init(|| {
        let library = kernel_library()?;
        // SAFETY: the library was just built and initialises nothing but its own variables.
        let library = unsafe { libloading::Library::new(library) };
        library.map(Mutex::new).map_err(|error| error.to_string())
    });
    built.as_ref().map_err(String::as_str)
}

/// Kernels on the host, unless it has no C++ compiler, or stands in for a card.
pub fn kernels(precision: Precision) -> Option<CudaKernels<HostQueue>> {
    match shim() {
        _ if stand_in::is_here() => None,
        Ok(_) => Some(CudaKernels::new(HostQueue::default(), precision)),
        Err(why) => {
            skipped("the card's kernels on the host", why);
            None
        }
    }
}

/// The host as a card.
#[derive(Default)]
pub struct HostQueue {
    /// The order in which the threads of a block are taken: 0 to 2.
    pub order: i32,
    /// Most bytes in use at a time; 0 for no limit.
    pub limit: AtomicUsize,
    pub used: Arc<AtomicUsize>,
    /// Most bytes that were in use at a time.
    pub peak: AtomicUsize,
    /// How often numbers were read back that work had to be waited for.
    pub waits: AtomicUsize,
    /// Whether there is work that nobody has waited for.
    pub is_busy: AtomicBool,
}

/// Memory with a guard behind it.
pub struct HostMemory {
    start: *mut u8,
    size: usize,
    used: Arc<AtomicUsize>,
}

// SAFETY: only calls of the queue touch the memory, and those take turns.
unsafe impl Send for HostMemory {}
// SAFETY: as above.
unsafe impl Sync for HostMemory {}

impl HostMemory {
    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size + GUARD, 256).unwrap()
    }

    #[allow(clippy::mut_from_ref)] // a card's memory changes behind shared references
    fn bytes(&self) -> &mut [u8] {
        // SAFETY: the memory is that long, and calls take turns.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.size) }
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        // SAFETY: the memory was allocated with this layout.
        let guard = unsafe { std::slice::from_raw_parts(self.start.add(self.size), GUARD) };
        let is_whole = guard.iter().all(|byte| *byte == UNTOUCHED);
        unsafe { dealloc(self.start, Self::layout(self.size)) };
        self.used.fetch_sub(self.size, Ordering::Relaxed);
        assert!(
            is_whole || std::thread::panicking(),
            "written past the end of {} bytes",
            self.size
        );
    }
}

impl Queue for HostQueue {
    type Memory = HostMemory;

    fn allocate(&self, size: usize) -> Result<HostMemory, CudaError> {
        let used = self.used.fetch_add(size, Ordering::Relaxed) + size;
        let limit = self.limit.load(Ordering::Relaxed);
        if limit > 0 && used > limit {
            let before = self.used.fetch_sub(size, Ordering::Relaxed) - size;
            return Err(CudaError::OutOfMemory {
                wanted: size as u64,
                free: (limit - before) as u64,
                total: limit as u64,
            });
        }
        self.peak.fetch_max(used, Ordering::Relaxed);
        let layout = HostMemory::layout(size);
        // SAFETY: the layout is not empty; both parts lie in it.
        let start = unsafe {
            let start = alloc(layout);
            start.write_bytes(UNWRITTEN, size);
            start.add(size).write_bytes(UNTOUCHED, GUARD);
            start
        };
        Ok(HostMemory { start, size, used: Arc::clone(&self.used) })
    }

    fn address(memory: &HostMemory) -> u64 {
        memory.start as u64
    }

    fn size(memory: &HostMemory) -> usize {
        memory.size
    }

    fn free_memory(&self) -> Option<u64> {
        let limit = self.limit.load(Ordering::Relaxed);
        (limit > 0).then(|| limit.saturating_sub(self.used.load(Ordering::Relaxed)) as u64)
    }

    fn upload(&self, data: &[u8], memory: &mut HostMemory, offset: usize) -> Result<(), CudaError> {
        memory.bytes()[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn download(&self, memory: &HostMemory, data: &mut [u8]) -> Result<(), CudaError> {
        self.finish()?;
        data.copy_from_slice(&memory.bytes()[..data.len()]);
        Ok(())
    }

    fn finish(&self) -> Result<(), CudaError> {
        if self.is_busy.swap(false, Ordering::Relaxed) {
            self.waits.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn clear(&self, memory: &mut HostMemory, bytes: usize) -> Result<(), CudaError> {
        memory.bytes()[..bytes].fill(0);
        Ok(())
    }

    fn copy(&self, from: &HostMemory, to: &mut HostMemory, bytes: usize) -> Result<(), CudaError> {
        to.bytes()[..bytes].copy_from_slice(&from.bytes()[..bytes]);
        Ok(())
    }

    unsafe fn launch(
        &self,
        kernel: &'static str,
        launch: Launch,
        arguments: &[Argument],
    ) -> Result<(), CudaError> {
        self.is_busy.store(true, Ordering::Relaxed);
        let bits: Vec<u64> = arguments.iter().map(|argument| argument.bits()).collect();
        let pointers: Vec<*const c_void> =
            bits.iter().map(|bits| std::ptr::from_ref(bits).cast()).collect();
        let name = CString::new(kernel).unwrap();
        let library = shim().unwrap().lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the shim's entry has this type; arguments are the caller's.
        let problem = unsafe {
            let entry = library.get::<ShimLaunch>(b"shim_launch\0").unwrap();
            entry(
                name.as_ptr(),
                launch.grid.as_ptr(),
                launch.block,
                launch.shared,
                self.order,
                pointers.len(),
                pointers.as_ptr(),
            )
        };
        if !problem.is_null() {
            // SAFETY: the shim gives a constant text.
            let problem = unsafe { CStr::from_ptr(problem) }.to_string_lossy();
            panic!("{kernel}, {launch:?}: {problem}");
        }
        Ok(())
    }

    unsafe fn multiply(&self, product: &Matmul) -> Result<(), CudaError> {
        let [first, second] = product.column_major().map(|operand| {
            // SAFETY: the caller's.
            unsafe { Columns::read(&operand) }
        });
        let Matmul { m, n, k, alpha, beta, .. } = *product;
        assert_eq!((first.rows, first.columns), (n, k), "{product:?}");
        assert_eq!((second.rows, second.columns), (k, m), "{product:?}");
        // The product is (n, m) by columns.
        for column in 0..m {
            for row in 0..n {
                let mut sum = 0f32;
                for i in 0..k {
                    sum += first.at(row, i) * second.at(i, column);
                }
                let at = (column * n + row) as u64;
                // SAFETY: the product lies in memory of the queue.
                unsafe {
                    // What is there may be NaN where it does not count.
                    let before = if beta == 0.0 {
                        0.0
                    } else {
                        beta * read(product.out, product.out_element, at)
                    };
                    write(product.out, product.out_element, at, alpha * sum + before);
                }
            }
        }
        Ok(())
    }
}

/// A factor's numbers.
struct Columns {
    rows: usize,
    columns: usize,
    transposed: bool,
    /// Distance of columns as stored.
    stride: usize,
    numbers: Vec<f32>,
}

impl Columns {
    unsafe fn read(operand: &ColumnMajorOperand) -> Self {
        let ColumnMajorOperand { address, element, rows, columns, transposed } = *operand;
        let count = (rows * columns) as u64;
        // SAFETY: the caller's.
        let numbers = (0..count).map(|i| unsafe { read(address, element, i) }).collect();
        let stride = rows;
        let (rows, columns) = if transposed { (columns, rows) } else { (rows, columns) };
        Self { rows, columns, transposed, stride, numbers }
    }

    fn at(&self, row: usize, column: usize) -> f32 {
        let (row, column) = if self.transposed { (column, row) } else { (row, column) };
        self.numbers[column * self.stride + row]
    }
}

unsafe fn read(address: u64, element: Element, at: u64) -> f32 {
    // SAFETY: the caller's.
    unsafe {
        match element {
            Element::F32 => *(address as *const f32).add(at as usize),
            Element::Bf16 => {
                let bits = *(address as *const u16).add(at as usize);
                f32::from_bits(u32::from(bits) << 16)
            }
        }
    }
}

unsafe fn write(address: u64, element: Element, at: u64, value: f32) {
    // SAFETY: the caller's.
    unsafe {
        match element {
            Element::F32 => *(address as *mut f32).add(at as usize) = value,
            Element::Bf16 => {
                *(address as *mut u16).add(at as usize) = half::bf16::from_f32(value).to_bits();
            }
        }
    }
}
