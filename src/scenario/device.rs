//! Where candidates are computed: on the CPU in double precision, or on a GPU in single precision. Which of them decides nothing: every candidate is judged on the CPU.

use super::expect::known;
use super::tree::{Fault, Way};
use crate::gpu::Method;
use crate::solvers::SolverSpec;

/// Where candidates are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The CPU, in double precision.
    #[default]
    Cpu,
    /// A GPU, in single precision; what it finds is polished and judged on the CPU.
    Gpu,
}

impl Device {
    /// Every device.
    pub const ALL: [Device; 2] = [Device::Cpu, Device::Gpu];

    /// The name in scenarios and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Gpu => "gpu",
        }
    }
}

/// What a device does for a solver; `None` where the solver runs on the CPU alone.
pub fn device_method(solver: &SolverSpec) -> Option<Method> {
    match *solver {
        SolverSpec::GradientDescent { step: Some(step) } => Some(Method::GradientDescent { step }),
        SolverSpec::Momentum { step, momentum } => Some(Method::Momentum { step, momentum }),
        SolverSpec::Lbfgs { memory } if memory <= Method::MEMORY_MAX => Some(Method::Lbfgs { memory }),
        _ => None,
    }
}

/// The device of a scenario, if every solver runs there.
pub(super) fn device(named: Option<&str>, solvers: &[SolverSpec], numbered: bool) -> Result<Device, Fault> {
    let way = Way::keys(["device"]);
    let name = named.unwrap_or(Device::default().name());
    known(&way, name, "device", Device::ALL.iter().map(|device| device.name()))?;
    let device = *Device::ALL.iter().find(|device| device.name() == name).expect("the name is known");
    let refused = solvers.iter().position(|solver| device == Device::Gpu && device_method(solver).is_none());
    let Some(position) = refused else { return Ok(device) };
    let solver = &solvers[position];
    let message = match solver {
        SolverSpec::GradientDescent { .. } => {
            "`gradient-descent` needs a `step` on the gpu: it does not search for one there".to_owned()
        }
        SolverSpec::Lbfgs { .. } => format!("`lbfgs` keeps at most {} pairs on the gpu (`memory`)", Method::MEMORY_MAX),
        _ => format!("the solver `{}` does not run on the gpu", solver.name()),
    };
    let way = Way::keys(["solver"]);
    let way = if numbered { way.at(position) } else { way };
    let help = "there are: gradient-descent (with a `step`), momentum and lbfgs; or leave `device` out";
    Err(Fault::new(&way, message).help(Some(help.into())))
}
